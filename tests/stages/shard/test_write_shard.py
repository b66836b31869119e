from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.store import Store
from builder.package import reformat
from builder.recipe import Recipe
from builder.schema import SELECTION
from builder.stages.shard import write_shard
from builder.stages.shard.package_files import retire
from builder.stages.shard.write_shard import batch_bounds
from tests.loading.made_package import batch_facts
from tests.package import made

sizes = st.lists(st.integers(0, 50), max_size=60)


@given(sizes, st.integers(1, 10), st.integers(1, 100))
def test_batches_follow_each_other_and_keep_both_limits(sizes: list[int], rows: int, size: int) -> None:
    bounds = list(batch_bounds(sizes, rows, size))
    assert [i for start, end in bounds for i in range(start, end)] == list(range(len(sizes)))
    for start, end in bounds:
        assert 1 <= end - start <= rows
        assert sum(sizes[start:end]) <= size or end - start == 1


@given(sizes.filter(len), st.integers(1, 10), st.integers(1, 100))
def test_no_batch_could_take_one_row_more(sizes: list[int], rows: int, size: int) -> None:
    for start, end in list(batch_bounds(sizes, rows, size))[:-1]:
        assert end - start == rows or sum(sizes[start : end + 1]) > size


def test_shards_of_an_earlier_build_go_and_unknown_files_stay(tmp_path: Path) -> None:
    work, package = Store(str(tmp_path / "work")), Store(str(tmp_path / "package"))
    retire(work, package, {"data/a/train-0.arrow", "data/b/train-0.arrow"})
    for name in ("data/a/train-0.arrow", "data/b/train-0.arrow", "data/a/mine.arrow", "manifest.json"):
        package.write_bytes(name, b"x")
    retire(work, package, {"data/a/train-0.arrow"})
    assert package.exists("data/a/train-0.arrow")
    assert not package.exists("data/b/train-0.arrow")
    assert package.exists("data/a/mine.arrow")
    assert not package.exists("manifest.json")


def test_nothing_stale_leaves_the_manifest(tmp_path: Path) -> None:
    work, package = Store(str(tmp_path / "work")), Store(str(tmp_path / "package"))
    package.write_bytes("manifest.json", b"x")
    retire(work, package, {"data/a/train-0.arrow"})
    assert package.exists("manifest.json")


def examples(*, counted: bool = True) -> pa.Table:
    """Return rows of a selection.

    With or without the pixel sums of what ``Images`` gives.
    """
    found = [row for row in made._rows(0, made.CLASSES, 10, 1, 8, made.noise) if row["split"] == "train"]
    for row in found:
        pixels = 2 * (10 + row["row"])
        sums = {"pixel_sum": pixels * row["row"], "pixel_square_sum": pixels * row["row"] ** 2}
        row |= {"height": 2, "width": pixels // 2, **(sums if counted else dict.fromkeys(sums))}
    return pa.table({name: [row[name] for row in found] for name in SELECTION.names}, schema=SELECTION)


class Images:
    """Replaces the parts: an example's pixels equal its row number."""

    def __init__(self, work: object) -> None:
        pass

    def read_all(self, parts: list[str], rows: list[int]) -> list[bytes]:
        return [made.png(np.full((2, 10 + row), row, np.uint8)) for row in rows]


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
@pytest.mark.parametrize("size", [0, 8])
def test_a_writer_says_where_the_batches_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str, batch_rows: int, size: int
) -> None:
    monkeypatch.setattr(write_shard, "PartImageReader", Images)
    table = examples(counted=size == 0)  # what is reduced has other sums than *standardize* counted
    with (tmp_path / "shard").open("wb") as out:
        stated = write_shard._write(
            out, table, Store(str(tmp_path)), Recipe.of({"batch_rows": batch_rows, "size": size}), file_format
        )
    levels = table["row"].to_numpy() / 255
    assert stated.pop("intensity_mean") == pytest.approx(levels.mean(), rel=1e-9)
    assert stated.pop("intensity_square") == pytest.approx((levels**2).mean(), rel=1e-9)
    assert stated == batch_facts((tmp_path / "shard").read_bytes(), file_format)
    assert stated["batch_rows"] == [min(batch_rows, len(levels) - n) for n in range(0, len(levels), batch_rows)]


def test_no_png_that_was_damaged_in_work_gets_into_a_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Damaged(Images):
        def read_all(self, parts: list[str], rows: list[int]) -> list[bytes]:
            *others, last = super().read_all(parts, rows)
            return [*others, last[:50] + bytes([last[50] ^ 1]) + last[51:]]

    monkeypatch.setattr(write_shard, "PartImageReader", Damaged)
    with (tmp_path / "shard").open("wb") as out, pytest.raises(ValueError, match="damaged PNG"):
        write_shard._write(out, examples(), Store(str(tmp_path)), Recipe(), "arrow")


def test_a_parquet_shard_is_what_viewers_and_stores_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small row groups with a page index.

    Labels are numbers with their classes; images are in one page, as they are.
    """
    monkeypatch.setattr(write_shard, "PartImageReader", Images)
    table = examples()
    classes = sorted(set(table["label"].to_pylist()))
    with (tmp_path / "shard").open("wb") as out:
        write_shard._write(out, table, Store(str(tmp_path)), Recipe.of({"batch_rows": 9}), "parquet", classes)
    file = pq.ParquetFile(tmp_path / "shard")
    labels = pa.array([classes.index(label) for label in table["label"].to_pylist()], pa.int64())
    assert file.read()["label"].combine_chunks() == labels
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        assert group.num_rows <= 9
        columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
        image = columns.pop("image.bytes")
        assert (image.compression, image.statistics, image.has_dictionary_page) == ("UNCOMPRESSED", None, False)
        assert set(image.encodings) <= {"PLAIN", "RLE"}
        assert {column.compression for column in columns.values()} == {"ZSTD"}
        assert columns["label"].statistics.max == max(labels.to_pylist()[9 * number : 9 * number + 9])
        assert columns["label"].has_offset_index


def test_a_shard_in_the_other_format_has_the_bytes_of_one_that_is_built_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_shard, "PartImageReader", Images)
    table = examples()
    classes = sorted(set(table["label"].to_pylist()))
    built: dict[str, bytes] = {}
    for file_format in ("arrow", "parquet"):
        with (tmp_path / file_format).open("wb") as out:
            write_shard._write(out, table, Store(str(tmp_path)), Recipe.of({"batch_rows": 9}), file_format, classes)
        built[file_format] = (tmp_path / file_format).read_bytes()
    with (tmp_path / "again").open("wb") as out:
        reformat._rewrite(out, pa.py_buffer(built["arrow"]), "data/gene/a.arrow", "parquet", classes)
    assert (tmp_path / "again").read_bytes() == built["parquet"]
