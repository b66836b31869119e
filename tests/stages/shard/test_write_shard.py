from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.store import Store
from builder.stages.shard.package_files import retire
from builder.stages.shard.write_shard import batch_bounds
from tests.building import SMALL, cytoimagenet
from tests.loading.made_package import batch_facts

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


def test_shards_of_an_earlier_build_go_and_strangers_stay(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_the_manifest_says_where_the_batches_of_a_shard_are(
    simulated: Path, tmp_path: Path, file_format: str
) -> None:  # fmt: skip
    more = ("--set", "batch_rows=7", "--only", "bbbc005", "--format", file_format)
    cytoimagenet("build", simulated, "-o", tmp_path / "p", *SMALL, "--set", "min_images=5", *more)
    text = (tmp_path / "p" / "manifest.json").read_text()
    shards = {path: facts for path, facts in json.loads(text)["files"].items() if path.startswith("data/")}
    assert max(len(facts["batch_rows"]) for facts in shards.values()) > 3
    for path, facts in shards.items():
        stated = {name: facts[name] for name in ("batch_rows", "batch_offsets") if name in facts}
        assert stated == batch_facts((tmp_path / "p" / path).read_bytes(), file_format)
    assert len(text.splitlines()) < 1000, "a list of numbers takes one line"
