"""A stream of ``CytoImageNet`` as Arrow tables.

The rows are those of the ordinary stream, in its order, resumed and shuffled.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cytoimagenet import CytoImageNet

COLUMNS = ["image", "label", "idx", "x_max", "well", "crop"]


def stream(package: Path, tmp_path: Path, config: str = "full", **options: Any) -> datasets.IterableDataset:
    builder = CytoImageNet(config, data_dir=package, cache_dir=str(tmp_path), **{"columns": COLUMNS, **options})
    dataset = builder.as_streaming_dataset(split="train")
    return dataset.cast_column("image", datasets.Image(decode=False)) if "image" in dataset.features else dataset


@pytest.mark.parametrize("config", ["full", "organism"])
@pytest.mark.parametrize(
    "filters", [{}, {"crops": True}, {"labels": ["human"]}, {"columns": ["idx"]}, {"columns": ["image"]}]
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_of_tables_hold_the_rows(
    package: Path, tmp_path: Path, config: str, filters: dict[str, Any], size: int
) -> None:
    dataset = stream(package, tmp_path, config, **filters)
    rows = list(dataset)
    tables = list(dataset.with_format("arrow").iter(size))
    assert {table.schema.remove_metadata() for table in tables} == {dataset.features.arrow_schema.remove_metadata()}
    assert [row for table in tables for row in table.to_pylist()] == rows
    assert [len(table) for table in tables[:-1]] == [size] * (len(tables) - 1)


def test_pandas_and_others(package: Path, tmp_path: Path) -> None:
    dataset = stream(package, tmp_path, columns=["label", "idx", "well"])
    rows = list(dataset)
    frames = list(dataset.with_format("pandas").iter(50))
    assert [idx for frame in frames for idx in frame["idx"]] == [row["idx"] for row in rows]
    arrays = list(dataset.with_format("numpy").iter(50))
    assert [label for batch in arrays for label in batch["label"]] == [row["label"] for row in rows]


PLAIN = ["label", "idx", "well", "x_max"]


@pytest.mark.parametrize(
    ("kind", "columns"), [("parquet", PLAIN), ("parquet", COLUMNS), ("csv", PLAIN), ("csv", COLUMNS), ("json", PLAIN)]
)
def test_written_files_hold_every_row(package: Path, tmp_path: Path, kind: str, columns: list[str]) -> None:
    dataset = stream(package, tmp_path, columns=columns)
    if not hasattr(dataset, f"to_{kind}"):
        assert datasets.__version__.startswith("3."), "later ones write streams"
        return
    getattr(dataset, f"to_{kind}")(tmp_path / "file")
    found = [row["idx"] for row in read(tmp_path / "file", kind)]
    assert found == [row["idx"] for row in dataset]
    if kind == "parquet":
        assert pq.read_table(tmp_path / "file").to_pylist() == list(dataset)


def read(path: Path, kind: str) -> list[dict[str, Any]]:
    if kind == "parquet":
        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
    if kind == "json":
        return [json.loads(line) for line in path.read_text().splitlines()]
    from pyarrow import csv

    return csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True)).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("taken", [0, 1, 4, 31])
def test_tables_resume(package: Path, tmp_path: Path, taken: int) -> None:
    dataset = stream(package, tmp_path, columns=["idx", "label"]).with_format("arrow")
    every = [row for table in dataset.iter(7) for row in table.to_pylist()]
    begun = stream(package, tmp_path, columns=["idx", "label"]).with_format("arrow")
    running = begun.iter(7)
    for _ in range(taken):
        next(running)
    state = json.loads(json.dumps(begun.state_dict()))
    again = stream(package, tmp_path, columns=["idx", "label"]).with_format("arrow")
    again.load_state_dict(state)
    rest = [row for table in again.iter(7) for row in table.to_pylist()]
    assert rest == every[7 * taken :]


@pytest.mark.parametrize("kind", [None, "arrow"])
def test_shuffled_streams_come_in_another_order(many_streams: Path, tmp_path: Path, kind: str | None) -> None:
    dataset = stream(many_streams, tmp_path, columns=["idx", "label"]).with_format(kind)
    assert dataset.num_shards == 8

    def heads(shuffled: datasets.IterableDataset) -> tuple[list[str], Counter[str]]:
        found = [str(row["idx"] if kind is None else row["idx"][0].as_py()) for row in shuffled]
        return found[:5], Counter(found)

    plain, every = heads(dataset)
    shuffled = [dataset.shuffle(seed=seed, buffer_size=1) for seed in range(6)]
    found = [heads(one) for one in shuffled]
    assert all(count == every for _, count in found)
    assert len({tuple(head) for head, _ in found}) > 3
    assert any(head != plain for head, _ in found)
    assert heads(shuffled[1]) == found[1]
    shuffled[1].set_epoch(1)
    assert heads(shuffled[1]) != found[1]


@pytest.fixture(scope="module")
def many_streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.loading.made_package import make_package

    folder = tmp_path_factory.mktemp("many")
    return make_package(
        folder, classes={"organism": ("human", "mouse")}, per_class={"train": 120, "validation": 1},
        shards={"train": 8, "validation": 1}, side=2,
    )  # fmt: skip


def test_tables_of_one_category_are_not_copied(package: Path) -> None:
    from cytoimagenet_reader.filters import Filter
    from cytoimagenet_reader.package import Package
    from cytoimagenet_reader.selection import select
    from cytoimagenet_reader.stream_tables import stream_tables

    opened = Package(str(package))
    selection = select(opened, "organism", Filter(), ["image", "label"])
    before = pa.total_allocated_bytes()
    kept = [t for s in selection.streams("train") for t in stream_tables(opened, s, {}, selection.features)]
    assert sum(map(len, kept)) == 48
    assert pa.total_allocated_bytes() - before < 48 * 200  # class ids; the images alone are 50 kB
