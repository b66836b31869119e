"""Whole builds of which a file hangs."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from builder.engine.log import RunLog, read_log
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.verify import verify
from builder.recipe import Recipe
from builder.sources import get_source
from builder.stages.annotate.stage import Annotate
from builder.stages.context import BuildContext
from builder.stages.finish import Finish
from builder.stages.label.stage import Assignments, Label
from builder.stages.select.stage import Select
from builder.stages.shard.stage import Shard
from builder.stages.stage import carry_out
from builder.stages.standardize.items import items_of, wanted_images
from builder.stages.standardize.not_tried import FaultPolicy
from builder.stages.standardize.stage import Standardize
from builder.stages.task_runner import TaskRunner
from tests.building import SMALL

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")]


RECIPE = Recipe.load(None, SMALL[1::2])


@contextlib.contextmanager
def hanging(file: Path) -> Iterator[None]:
    """Make a file hang while the block runs.

    Who opens it waits forever, as for a dead network mount.
    """
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    try:
        yield
    finally:
        file.unlink()
        file.write_bytes(content)


def test_images_of_a_file_that_hangs_are_not_tried_and_the_rest_is_built(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    recipe = dataclasses.replace(RECIPE, part_images=10)
    job = BuildContext(str(data), Store(tmp_path / "work"), recipe, RunSettings(workers=0), only=("bbbc041",))
    patient, two = RunSettings(workers=1, time_limit=6.0), RunSettings(workers=2, time_limit=6.0)
    package = Store(tmp_path / "package")
    sources = carry_out(Annotate(job.data_store, job.work, job.runner, job.only))
    assignments = carry_out(Label(job.work, recipe, sources))
    images = wanted_images(job.work, assignments.read(), job.recipe)
    items = list(items_of(job.work, images))
    file = items[len(items) // 2].files[0]
    of_file = [item.idx for item in items if file in item.files]
    assert len(of_file) > 3 * recipe.part_images
    stage = Standardize(job.data_store, job.work, recipe, job.runner, assignments, job.space_check(package))
    half = Some(job.work, "half of the file's images", len(of_file) // 2, 1, assignments.unlabelled, of_file[::2])
    carry_out(dataclasses.replace(stage, assignments=half))
    with hanging(data / "bbbc041" / file), RunLog(log) as run_log:
        runner, skip = TaskRunner(two, run_log), FaultPolicy(skip_unreadable=True)
        parts = carry_out(dataclasses.replace(stage, runner=runner, faults=skip))
        with pytest.raises(UserError, match=rf"{re.escape(file)}: timed out \(longer than 6 s\).*--skip-unreadable"):
            carry_out(dataclasses.replace(stage, runner=TaskRunner(patient)))
    events = [event["event"] for event in read_log(log)]
    assert 2 <= events.count("timed_out") <= 1 + 3 * 2, "one alone, and what was under way when it was first seen"
    selected = carry_out(Select(job.work, recipe, assignments, parts))
    not_tried = selected.rejects.filter(pc.equal(selected.rejects["reason"], "not_tried"))
    assert sorted(not_tried["idx"].to_pylist()) == sorted(of_file[1::2]), "those made before are there still"
    assert not pc.any(pc.is_in(selected.rejects["reason"], pa.array(["crashed", "unreadable"]))).as_py()
    assert set(selected.columns("idx")["idx"].to_pylist()) | set(selected.rejects["idx"].to_pylist()) == {
        item.idx for item in items
    }
    shards = carry_out(Shard(job.work, package, recipe, job.runner, "arrow", selected))
    carry_out(Finish(job.work, package, recipe, "arrow", selected, shards, [get_source("bbbc041")]))
    assert verify(package.url, deep=True) == []
    again = carry_out(Select(job.work, recipe, assignments, carry_out(stage)))
    assert "not_tried" not in again.rejects["reason"].to_pylist(), "the next build tries them without being told"


@dataclasses.dataclass(frozen=True)
class Some(Assignments):
    """Some of the labels in WORK."""

    idx: list[str]

    def read(self) -> pa.Table:
        table = super().read()
        return table.filter(pc.is_in(table["idx"], pa.array(self.idx)))
