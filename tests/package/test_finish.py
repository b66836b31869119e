"""The last step of a build.

The same bytes every time, counts from the rows, facts of every source.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.store import Store
from builder.errors import UserError
from builder.package.credits import source_facts
from builder.package.manifest import class_index, to_json
from builder.package.tables import in_pieces, write_tables
from builder.package.verify import verify
from builder.schema import METADATA, REJECTS
from tests.package.made import CLASSES, SOURCES, Held, make_package


def test_two_builds_have_the_same_bytes(tmp_path: Path, made: Path) -> None:
    make_package(tmp_path / "cytoimagenet")
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert len(names) > 20
    for name in names:
        assert (tmp_path / "cytoimagenet" / name).read_bytes() == (made / name).read_bytes(), name


def test_lists_of_numbers_take_a_line_and_texts_are_left_as_they_are(made: Path) -> None:
    value = {"a": [1, 22, 333], "b": "[\n 1,\n 2\n]", "c": [], "d": [1.5, 2], "e": [[7], [8, 9]], "f": ["1", "2"]}
    text = to_json(value).decode()
    assert json.loads(text) == value
    assert ' "a": [1, 22, 333],\n' in text
    facts = json.loads((made / "manifest.json").read_bytes())["files"]["data/compound/train-00000-of-00002.arrow"]
    assert f' "batch_offsets": {facts["batch_offsets"]}\n' in (made / "manifest.json").read_text("utf-8")


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


def test_a_shard_that_lacks_rows_of_the_selection_is_refused(tmp_path: Path, made: Path) -> None:
    table = pq.read_table(made / "metadata.parquet")
    files = json.loads((made / "manifest.json").read_bytes())["files"]
    shards = {path: facts for path, facts in files.items() if path.startswith("data/")}
    written = write_tables(Store(tmp_path), Held(table), REJECTS.empty_table(), shards, "arrow")
    assert written["metadata.parquet"]["sha256"] == files["metadata.parquet"]["sha256"]
    path = sorted(shards)[0]
    shards[path] = {**shards[path], "rows": shards[path]["rows"] - 1}
    with pytest.raises(ValueError, match=re.escape(path)):
        write_tables(Store(tmp_path), Held(table), REJECTS.empty_table(), shards, "arrow")


@given(sizes=st.lists(st.integers(0, 30), max_size=12), rows=st.integers(1, 40))
def test_pieces_hold_all_rows_in_order(sizes: list[int], rows: int) -> None:
    numbers = iter(range(sum(sizes)))
    tables = [pa.table({"n": pa.array(list(itertools.islice(numbers, size)), pa.int64())}) for size in sizes]
    pieces = list(in_pieces(iter(tables), rows))
    assert [n for piece in pieces for n in piece["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(piece.num_rows == rows for piece in pieces[:-1])
    assert all(1 <= piece.num_rows <= rows and piece["n"].num_chunks == 1 for piece in pieces)


def test_a_class_of_one_split_counts_zero_in_the_other() -> None:
    table = pa.table({"category": ["gene"] * 3, "split": ["train", "train", "validation"], "label": ["a", "b", "b"]})
    assert class_index(table)["gene"]["counts"] == {"train": {"a": 1, "b": 1}, "validation": {"a": 0, "b": 1}}


def test_a_figure_of_an_earlier_build_that_has_nothing_to_show_now_goes(tmp_path: Path) -> None:
    make_package(tmp_path)
    stale = tmp_path / "figures/of_an_earlier_build.svg"
    stale.write_text("<svg/>")
    make_package(tmp_path)
    assert not stale.exists()
    assert verify(str(tmp_path)) == []
