"""The Croissant description, checked by the reference reader."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.package.made import make_package

mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant reads and checks croissant.json")


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_the_description_is_valid_and_its_records_load(tmp_path: Path, file_format: str) -> None:
    folder = tmp_path / "cytoimagenet"
    make_package(folder, file_format=file_format)
    loaded = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not loaded.metadata.issues.errors
    assert all("datePublished" in warning for warning in loaded.metadata.issues.warnings)  # a package has no date
    records = list(loaded.records("metadata"))
    assert Counter(record["metadata/split"] for record in records) == {b"train": 56, b"validation": 14}
    if file_format == "parquet":
        number = json.loads((folder / "classes.json").read_bytes())["full"]["names"].index("tp53 targeted")
        examples = list(loaded.records("gene"))
        assert len(examples) == 10
        assert {example["gene/label"] for example in examples} == {number}
        assert {example["gene/image"].mode for example in examples} == {"L"}
