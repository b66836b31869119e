"""Examples that leave WORK as shards are finished.

What goes when, and that the bytes are always the same.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.verify import verify
from builder.recipe import Recipe
from builder.stages.category_order import category_order
from builder.stages.context import BuildContext
from builder.stages.pipeline import build
from builder.stages.shard import eviction as frugal
from builder.stages.shard import write_shard as shard
from builder.stages.standardize import stage as standardize
from tests.building import cytoimagenet, files_of

pytestmark = pytest.mark.slow

RECIPE = Recipe(min_images=20, class_size=100, min_class_size=30, part_images=20, shard_bytes=150_000)
SKIPPED = ["label", "standardize", "select", "shard", "finish"]
ONLY = ("bbbc041", "kag_cell_cycle")  # of two categories


@pytest.fixture(scope="module")
def plain(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return WORK and PACKAGE of an ordinary build, to copy."""
    folder = tmp_path_factory.mktemp("plain")
    build(job_in(simulated, folder), Store(folder / "package"))
    return folder


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "copy"))


def job_in(data: Path, folder: Path, **changes: object) -> BuildContext:
    job = BuildContext(str(data), Store(folder / "work"), RECIPE, RunSettings(workers=0), only=ONLY)
    return dataclasses.replace(job, **changes)  # type: ignore[arg-type]


def images_in(work: Path) -> list[str]:
    return sorted(path.name for path in work.rglob("*.arrow"))


@given(
    st.dictionaries(
        st.sets(st.sampled_from("abcd"), min_size=1).map(frozenset), st.integers(0, 50), min_size=1, max_size=6
    ),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 50), min_size=4, max_size=4),
)
def test_no_order_of_the_categories_has_a_lower_peak(work: dict[frozenset[str], int], package: dict[str, int]) -> None:
    def peak_of(order: tuple[str, ...]) -> int:
        parts, written, peak = dict(work), 0, 0
        done: set[str] = set()
        for category in order:
            written += package[category]
            peak = max(peak, written + sum(parts.values()))
            done.add(category)
            parts = {feeds: size for feeds, size in parts.items() if not feeds <= done}
        return peak

    order, peak = category_order(work, package)
    assert peak == peak_of(tuple(order)) == min(map(peak_of, itertools.permutations("abcd")))


def test_examples_leave_and_the_same_build_has_nothing_to_do(
    simulated: Path, plain: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job, package = job_in(simulated, tmp_path, frugal=True), Store(tmp_path / "package")
    build(job, package)
    assert files_of(tmp_path / "package") == files_of(plain / "package")
    assert images_in(plain / "work")
    assert not images_in(tmp_path / "work")
    caplog.clear()
    for again in (job, dataclasses.replace(job, frugal=False)):
        build(again, package)
        assert [text.partition(":")[0] for text in caplog.messages if ": nothing to do: " in text] == SKIPPED
        caplog.clear()


def test_a_part_goes_only_when_all_its_shards_are_there(
    simulated: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(folder / "package")
    held: list[int] = []
    write = shard.write_shard

    @functools.wraps(write)
    def watched(work: Store, package: Store, recipe: Recipe, *rest: object, **more: object) -> object:
        held.append(len(images_in(folder / "work")))
        return write(work, package, recipe, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(shard, "write_shard", watched)
    build(job_in(simulated, folder, frugal=True), Store(folder / "package"))
    assert held == sorted(held, reverse=True)
    assert held[0] > held[-1] > 0, "some went before the last shard, none that it needed"


def test_stopped_at_any_deletion_and_run_again_gives_the_same(
    simulated: Path, plain: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = files_of(plain / "package")
    shutil.rmtree(folder / "package")
    free = frugal.EvictionPlan._free
    stops = 0
    for survived in (0, 3, 7, 10_000):
        left = survived

        def dying(self: frugal.EvictionPlan, part: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            free(self, part)

        monkeypatch.setattr(frugal.EvictionPlan, "_free", dying)
        try:
            build(job_in(simulated, folder, frugal=True), Store(folder / "package"))
        except KeyboardInterrupt:
            stops += 1
    assert stops == 3
    assert files_of(folder / "package") == wanted
    assert not images_in(folder / "work")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killed_while_shards_are_written_and_run_again_gives_the_same(
    simulated: Path, plain: Path, folder: Path
) -> None:
    shutil.rmtree(folder / "package")
    settings = ("part_images=20", "shard_bytes=150000", "min_images=20", "class_size=100", "min_class_size=30")
    arguments = ["build", simulated, "-o", folder / "package", "--work", folder / "work", "--only", ",".join(ONLY)]
    arguments += ["--frugal", *(word for setting in settings for word in ("--set", setting))]
    root = Path(__file__).resolve().parents[3]
    for shards in (1, 4):
        process = subprocess.Popen(
            [sys.executable, "-m", "builder", *map(str, arguments), "--workers", "2"],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and len(list(folder.glob("package/data/*/*.arrow"))) < shards:
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    cytoimagenet(*arguments, "--workers", "1")
    assert files_of(folder / "package") == files_of(plain / "package")
    assert not images_in(folder / "work")


def test_a_changed_threshold_makes_again_only_what_changed_shards_need(
    simulated: Path, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    build(job_in(simulated, folder, frugal=True), Store(folder / "package"))
    asked: list[str] = []
    part = standardize.standardize_part

    @functools.wraps(part)
    def counted(*given: object) -> object:
        asked.extend(item.idx for item in given[-1])  # type: ignore[attr-defined]
        return part(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(standardize, "standardize_part", counted)
    other = dataclasses.replace(RECIPE, min_class_size=86)  # drops one class of several in one category
    kept = build(job_in(simulated, folder, recipe=other, frugal=True), Store(folder / "package"))
    monkeypatch.undo()
    wanted = build(job_in(simulated, tmp_path, recipe=other), Store(tmp_path / "package"))
    assert kept == wanted
    assert files_of(folder / "package") == files_of(tmp_path / "package")
    assert verify(str(folder / "package")) == []
    selection = pq.read_table(tmp_path / "work" / "selection.parquet")
    cells = selection.filter(pc.equal(selection["category"], "cell_type"))
    assert sorted(asked) == sorted(set(cells["idx"].to_pylist())), "the shards of the other category are as before"
    assert not images_in(folder / "work")


def test_a_shard_that_is_gone_costs_its_own_images_only(simulated: Path, plain: Path, folder: Path) -> None:
    build(job_in(simulated, folder, frugal=True), Store(folder / "package"))
    victim = sorted((folder / "package").glob("data/*/validation-*.arrow"))[0]
    victim.unlink()
    build(job_in(simulated, folder), Store(folder / "package"))
    assert files_of(folder / "package") == files_of(plain / "package")
    assert 0 < len(images_in(folder / "work")) < len(images_in(plain / "work"))


def test_examples_that_cannot_be_made_again_are_an_error_that_says_so(
    simulated: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(job_in(simulated, folder, frugal=True), Store(folder / "package"))
    shutil.rmtree(folder / "package")
    monkeypatch.setattr(standardize.Standardize, "_make", lambda *_: None)
    with pytest.raises(UserError, match="are disappearing"):
        build(job_in(simulated, folder), Store(folder / "package"))
