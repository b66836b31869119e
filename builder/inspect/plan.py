"""What a build would do: images, bytes, minutes, disk space."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.engine import localfiles, markers
from builder.engine.space import check_space, readable
from builder.engine.store import Store
from builder.errors import UserError
from builder.stages.annotate.stage import Annotate, left_out_in
from builder.stages.context import BuildContext
from builder.stages.label.stage import Label
from builder.stages.stage import carry_out
from builder.stages.standardize.items import wanted_images
from builder.stages.standardize.part_images import parts_without_images
from builder.stages.standardize.part_rows import covered, without
from builder.stages.standardize.stage import pixels_fingerprint
from builder.stages.task_runner import TaskRunner
from builder.stages.thresholds import fitted
from builder.stages.work_files import ANNOTATIONS


def plan(context: BuildContext, package: Store) -> dict[str, Any]:
    """Return, as JSON values, what a build would do.

    Nothing is written but in a temporary folder. Sources are listed and, where they changed, annotated there, for only
    that tells how many images there are. ``left_out`` names those that are there and could not be read.
    """
    space = context.space_check(package)
    with localfiles.scratch_folder() as folder:
        scratch = Store(folder)
        seed_annotations(context.work, Path(folder))
        runner = TaskRunner(context.settings)
        annotate = Annotate(context.data_store, scratch, runner, context.only, context.include_restricted)
        sources = carry_out(annotate)
        recipe, _ = fitted(scratch, context.recipe, context.auto, sources)
        assignments = carry_out(Label(scratch, recipe, sources))
        images = wanted_images(scratch, assignments.read(), recipe)
        missing = without(images, covered(context.work, pixels_fingerprint(recipe)))
        found = space.estimate(scratch, images, missing)
        left_out = left_out_in(scratch)
    facts = {
        "images": images.num_rows,
        "standardized": images.num_rows - missing.num_rows,
        "to_do": found.images,
        "bytes_to_read": found.input_bytes,
        "minutes": round(found.minutes, 1),
        "processes": max(1, context.settings.workers),
        "parts_without_images": parts_without_images(context.work),
        "left_out": left_out,
    }
    try:
        return {**facts, "room": check_space(space.needs(found)), "enough_room": True}
    except UserError as too_little:
        return {**facts, "room": [f"not enough space: {too_little}"], "enough_room": False}


def plan_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return a plan as text."""
    lines = [f"images with a label: {facts['images']:,}, {facts['standardized']:,} of them standardized"]
    lines += [f"  {name}: {count:,} to do" for name, count in facts["to_do"].items()]
    lines.append(f"to read: about {readable(facts['bytes_to_read'])}")
    lines.append(f"time: about {facts['minutes']:,.0f} min with {facts['processes']} processes")
    if left := facts["parts_without_images"]:
        lines.append(
            f"the PNGs of {left:,} parts were removed from WORK: those that changed shards need are made again"
        )
    return lines + list(facts["room"])


def seed_annotations(work: Store, scratch: Path) -> None:
    """Copy WORK's annotations so that only changes are annotated again."""
    for rel in (*work.list(ANNOTATIONS), *work.list(f"{markers.FOLDER}/annotate")):
        target = scratch / rel
        target.parent.mkdir(parents=True, exist_ok=True)
        with work.open(rel) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
