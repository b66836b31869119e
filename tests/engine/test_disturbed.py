"""Whole builds of which a file hangs."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from builder.engine.log import RunLog, read_log
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.package.verify import verify
from builder.recipe import Recipe
from builder.sources import get_source
from builder.stages.annotate.run import annotate
from builder.stages.context import BuildContext
from builder.stages.pipeline import label, select_candidates, standardize_images
from builder.stages.shard.write_package import write_package
from builder.stages.standardize import make_parts as standardize
from tests.building import SMALL

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")]


RECIPE = Recipe.load(None, SMALL[1::2])


@contextlib.contextmanager
def hanging(file: Path) -> Iterator[None]:
    """Make a file hang while the block runs, as one of a dead network mount: who opens it waits forever."""
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    try:
        yield
    finally:
        file.unlink()
        file.write_bytes(content)


def test_all_images_of_a_file_that_hangs_are_rejects_and_the_rest_is_built(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    recipe = dataclasses.replace(RECIPE, part_images=10)
    job = BuildContext(
        str(data), Store(tmp_path / "work"), recipe, RunSettings(workers=2, time_limit=6.0), only=("bbbc041",)
    )
    package = Store(tmp_path / "package")
    annotated = annotate(job)
    assignments = label(job, annotated)
    images = standardize.wanted_images(job.work, assignments)
    items = list(standardize.items_of(job.work, images))
    file = items[len(items) // 2].files[0]
    of_file = [item.idx for item in items if file in item.files]
    assert len(of_file) > 3 * recipe.part_images
    made_before = images.filter(pc.is_in(images["idx"], pa.array(of_file[::2])))
    standardize_images(job, package, made_before)
    with hanging(data / "bbbc041" / file), RunLog(log) as run_log:
        standardize_images(dataclasses.replace(job, run_log=run_log), package, images)
    events = [event["event"] for event in read_log(log)]
    assert 2 <= events.count("timed_out") <= 3, "one, one more alone, and what another worker had begun"
    selected = select_candidates(job, annotated, assignments, images)
    timed_out = selected.rejects.filter(pc.equal(selected.rejects["reason"], "timed_out"))
    assert sorted(timed_out["idx"].to_pylist()) == sorted(of_file), "those that had been made before, too"
    assert set(timed_out["detail"].to_pylist()) == {f"{file}: longer than 6 s"}
    assert not pc.any(pc.equal(selected.rejects["reason"], "crashed")).as_py()
    assert set(selected.columns("idx")["idx"].to_pylist()) | set(selected.rejects["idx"].to_pylist()) == {
        item.idx for item in items
    }
    write_package(job, package, [get_source("bbbc041")], selected)
    assert verify(package.url, deep=True) == []
    for path in (tmp_path / "work" / "standardized").rglob("faulty-*"):
        path.unlink()
    standardize_images(job, package, images)
    again = select_candidates(job, annotated, assignments, images)
    assert "timed_out" not in again.rejects["reason"].to_pylist(), "what was refused can be tried anew"
