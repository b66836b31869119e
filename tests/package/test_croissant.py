"""The Croissant description, checked by the reference reader.

Where that cannot read the data, they are read as the description says.
"""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from builder.recipe import Recipe
from tests.package.made import RECIPE, make_package

mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant reads and checks croissant.json")

FORMATS = ("arrow", "parquet")


@pytest.fixture(scope="module", params=FORMATS)
def described(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Any]:
    """Return format, package, and mlcroissant's reading of its description."""
    folder = tmp_path_factory.mktemp(request.param) / "cytoimagenet"
    recipe = Recipe.of(RECIPE.as_dict() | {"published": "2026-05-31", "doi": "10.1234/x"})
    make_package(folder, file_format=request.param, recipe=recipe)
    return request.param, folder, mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))


def test_the_description_is_valid_and_warns_of_nothing(described: tuple[str, Path, Any]) -> None:
    issues = described[2].metadata.issues
    assert not issues.errors
    assert not issues.warnings


def test_without_a_date_the_date_alone_is_missed(described: tuple[str, Path, Any]) -> None:
    said = json.loads((described[1] / "croissant.json").read_bytes())
    del said["datePublished"]
    issues = mlcroissant.Dataset(jsonld=said).metadata.issues
    assert not issues.errors
    assert ["datePublished" in warning for warning in issues.warnings] == [True]


def test_the_rows_of_the_table_load(described: tuple[str, Path, Any]) -> None:
    records = list(described[2].records("metadata"))
    assert Counter(record["metadata/split"] for record in records) == {b"train": 56, b"validation": 14}


def test_ten_examples_of_an_arrow_package_load(described: tuple[str, Path, Any]) -> None:
    file_format, folder, loaded = described
    assert (folder / "sample.parquet").exists() == (file_format == "arrow"), "Parquet shards need none"
    if file_format == "arrow":
        examples = list(itertools.islice(loaded.records("sample"), 10))
        known = examples_by_idx(folder)
        assert len({example["sample/idx"] for example in examples}) == 10
        for example in examples:
            row = known[example["sample/idx"].decode()]
            assert example["sample/label"].decode() == row["label"]
            assert example["sample/category"].decode() == row["category"]
            assert example["sample/image"].tobytes() == Image.open(io.BytesIO(row["image"]["bytes"])).tobytes()


def examples_by_idx(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the examples of all shards by their image's idx.

    In this package each example shows another image.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in folder.glob("data/*/*.arrow"):
        for row in pa.ipc.open_stream(path.read_bytes()).read_all().to_pylist():
            assert found.setdefault(row["idx"], row) is row
    return found


def test_ten_examples_load(described: tuple[str, Path, Any]) -> None:
    file_format, folder, loaded = described
    if file_format == "arrow":
        with pytest.raises(mlcroissant.GenerationError) as refused:
            list(loaded.records("gene"))
        assert "None of the provided encoding formats" in str(refused.value.__cause__), "once it can, this test goes"
        examples = read_as_described(folder, "gene")
        label: Any = "tp53 targeted"
    else:
        examples = list(loaded.records("gene"))
        label = json.loads((folder / "classes.json").read_bytes())["full"]["names"].index("tp53 targeted")
    assert len(examples) == 10
    assert {example["gene/label"] for example in examples} == {label}
    assert {(example["gene/image"].mode, example["gene/image"].height) for example in examples} == {("L", 24)}
    assert len({example["gene/idx"] for example in examples}) == 10


def read_as_described(folder: Path, name: str) -> list[dict[str, Any]]:
    """Read a record set of Arrow streams by croissant.json alone."""
    said = json.loads((folder / "croissant.json").read_bytes())
    files = {one["@id"]: one for one in said["distribution"]}
    (records,) = (one for one in said["recordSet"] if one["@id"] == name)
    sets = {field["source"]["fileSet"]["@id"] for field in records["field"]}
    (source,) = (files[one] for one in sets)
    assert source["encodingFormat"] == "application/vnd.apache.arrow.stream"
    found = []
    for path in sorted(folder.glob(source["includes"])):
        for row in pa.ipc.open_stream(path.read_bytes()).read_all().to_pylist():
            found.append({field["@id"]: value_of(row, field) for field in records["field"]})
    return found


def value_of(row: dict[str, Any], field: dict[str, Any]) -> Any:
    value = row[field["source"]["extract"]["column"]]
    if "transform" in field["source"]:
        value = value[field["source"]["transform"]["jsonPath"]]
    kinds = {"sc:ImageObject": lambda png: Image.open(io.BytesIO(png)), "sc:Text": str}
    return kinds[field["dataType"]](value)
