"""One order of rows everywhere, and stable class ids.

A subset keeps them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

import cytoimagenet
from cytoimagenet import CytoImageNet


def prepared(package: Path, cache: Path, config: str, **filters: Any) -> datasets.Dataset:
    builder = CytoImageNet(config, data_dir=package, cache_dir=str(cache), **filters)
    builder.download_and_prepare(num_proc=filters.pop("num_proc", None))
    return builder.as_dataset("train")


@pytest.mark.parametrize("config", ["full", "organism"])
@pytest.mark.parametrize("form", ["package", "parquet_package"])
def test_row_n_of_the_metadata_describes_example_n(
    request: pytest.FixtureRequest, tmp_path: Path, config: str, form: str
) -> None:
    package = request.getfixturevalue(form)
    rows = datasets.load_dataset(str(package), config, split="train", cache_dir=str(tmp_path / "one"))
    names = list(zip(rows["path"], rows["filename"], strict=True))
    made = prepared(package, tmp_path / "two", config)
    assert list(zip(made["path"], made["filename"], strict=True)) == names
    if form == "package":
        opened = cytoimagenet.open(package, config)
        assert list(zip(opened["path"], opened["filename"], strict=True)) == names
    if config == "full":
        of = datasets.load_dataset(str(package), "metadata", split="train", cache_dir=str(tmp_path / "one"))
        assert list(zip(of["path"], of["filename"], strict=True)) == names


def test_several_processes_prepare_the_same_order(package: Path, tmp_path: Path) -> None:
    builder = CytoImageNet("full", data_dir=package, cache_dir=str(tmp_path))
    builder.download_and_prepare(num_proc=2)
    opened = cytoimagenet.open(package)
    assert builder.as_dataset("train")["filename"][:] == opened["filename"][:]


FILTERS: list[tuple[str, dict[str, Any]]] = [
    ("full", {}), ("full", {"labels": ["taxol", "human"]}), ("compound", {}), ("compound", {"crops": True}),
    ("phenotype", {"labels": ["rounded cell"], "columns": ["label", "phenotype"]}),
]  # fmt: skip


@pytest.mark.parametrize(("config", "filters"), FILTERS)
@pytest.mark.parametrize("way", ["open", "stream", "prepared"])
def test_ids_of_full(package: Path, tmp_path: Path, config: str, filters: dict[str, Any], way: str) -> None:
    full = cytoimagenet.open(package).features["label"].names
    ways: dict[str, Callable[..., Any]] = {
        "open": lambda **g: cytoimagenet.open(package, config, **g),
        "stream": lambda **g: CytoImageNet(config, data_dir=package, **g).as_streaming_dataset("train"),
        "prepared": lambda **g: prepared(package, tmp_path, config, **g),
    }  # fmt: skip
    kept, plain = ways[way](**filters, label_ids="full"), ways[way](**filters)
    assert kept.features["label"].names == full
    names = plain.features["label"].names
    assert [full[row["label"]] for row in kept] == [names[row["label"]] for row in plain] != []


@pytest.mark.parametrize(("config", "filters"), FILTERS)
def test_ids_of_full_in_batches(package: Path, config: str, filters: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    full = cytoimagenet.open(package).features["label"].names
    options = {name: value for name, value in filters.items() if name != "columns"}
    batches = cytoimagenet.loader(package, config, size=4, label_ids="full", columns=["idx"], **options)
    assert batches.classes == full
    rows = cytoimagenet.open(package, config, **filters | {"columns": ["idx", "label"]})
    names = rows.features["label"].names
    found = [(idx, full[y]) for _, labels, more in batches for y, idx in zip(labels, more["idx"], strict=True)]
    assert Counter(found) == Counter((row["idx"], names[row["label"]]) for row in rows)
