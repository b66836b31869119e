"""The last step of a build: the same bytes every time, counts from the rows, facts of every source."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.errors import UserError
from builder.package.credits import source_facts
from builder.package.manifest import class_index
from builder.package.tables import in_reading_order
from builder.schema import METADATA, SELECTION
from tests.package.made import CLASSES, SOURCES, make_package


def test_two_builds_have_the_same_bytes(tmp_path: Path, made: Path) -> None:
    make_package(tmp_path / "cytoimagenet")
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert len(names) > 20
    for name in names:
        assert (tmp_path / "cytoimagenet" / name).read_bytes() == (made / name).read_bytes(), name


def test_the_version_follows_the_rows_and_the_recipe(tmp_path: Path, made: Path) -> None:
    version = json.loads((made / "manifest.json").read_bytes())["version"]
    other = make_package(tmp_path / "a" / "cytoimagenet", seed=1)["version"]
    assert version != other
    assert version.rpartition("-")[0] == other.rpartition("-")[0]


def test_the_metadata_has_the_order_of_full(made: Path) -> None:
    files = json.loads((made / "manifest.json").read_bytes())["files"]
    table = pq.read_table(made / "metadata.parquet")
    for split in ("train", "validation"):
        with pa.ipc.open_stream((made / f"metadata/{split}.arrow").read_bytes()) as reader:
            rows = reader.read_all()
        assert rows.schema == METADATA
        assert rows.equals(table.filter(pa.compute.equal(table["split"], split)).select(METADATA.names))
    assert files["metadata/train.arrow"]["rows"] == 56


def test_counts_by_class_and_split(made: Path) -> None:
    index = json.loads((made / "classes.json").read_bytes())
    assert list(index) == ["full", *CLASSES]
    for config, names in CLASSES.items():
        assert index[config]["names"] == sorted(names)
        assert index[config]["counts"] == {
            "train": dict.fromkeys(sorted(names), 8),
            "validation": dict.fromkeys(sorted(names), 2),
        }


def test_a_source_without_facts_is_one_line(made: Path) -> None:
    table = pq.read_table(made / "metadata.parquet")
    with pytest.raises(UserError, match="no facts are known of bbbc901"):
        source_facts(table, SOURCES[:1])
    assert [source["images"] for source in source_facts(table, SOURCES)] == [35, 35]
    assert [source["license"] for source in source_facts(table, SOURCES)] == ["CC0-1.0", "CC-BY-4.0"]


def test_an_unsorted_selection_is_refused() -> None:
    shards = ["data/gene/train-00000-of-00002", "data/gene/train-00001-of-00002", "data/gene/train-00000-of-00002"]
    columns = {field.name: pa.nulls(3, field.type) for field in SELECTION} | {"shard": pa.array(shards)}
    with pytest.raises(ValueError, match="not sorted"):
        in_reading_order(pa.table(columns), [f"{shards[0]}.arrow", f"{shards[1]}.arrow"], "train")


def test_a_class_of_one_split_counts_zero_in_the_other() -> None:
    table = pa.table({"category": ["gene"] * 3, "split": ["train", "train", "validation"], "label": ["a", "b", "b"]})
    assert class_index(table)["gene"]["counts"] == {"train": {"a": 1, "b": 1}, "validation": {"a": 0, "b": 1}}
