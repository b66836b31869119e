"""What a build would do, before it does it: images, bytes, minutes, room on disk."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from builder.engine import localfiles
from builder.engine.space import check_room, readable
from builder.engine.store import Store
from builder.errors import UserError
from builder.stages.annotate.run import annotate
from builder.stages.context import BuildContext
from builder.stages.disk_space import estimate, needs
from builder.stages.pipeline import label
from builder.stages.shard.eviction import parts_without_images
from builder.stages.standardize import make_parts as standardize
from builder.stages.standardize import part_rows


def plan(job: BuildContext, package: Store) -> list[str]:
    """Return, as lines, what a build would do; nothing is written but in a temporary folder.

    Sources are listed and, where they changed, annotated there, for only that tells how many images there are.
    """
    with localfiles.scratch_folder() as scratch:
        seed_annotations(job.work, Path(scratch))
        dry = dataclasses.replace(job, work=Store(scratch), run_log=None)
        annotated = annotate(dry)
        images = standardize.wanted_images(dry.work, label(dry, annotated))
        fingerprint = standardize.pixels_fingerprint(job.recipe)
        missing = part_rows.without(images, part_rows.covered(job.work, fingerprint))
        found = estimate(job, dry.work, images, missing)
    done = images.num_rows - missing.num_rows
    lines = [f"images with a label: {images.num_rows:,}, {done:,} of them standardized"]
    lines += [f"  {name}: {count:,} to do" for name, count in found.images.items()]
    lines.append(f"to read: about {readable(found.input_bytes)}")
    lines.append(f"time: about {found.minutes:,.0f} min with {max(1, job.settings.workers)} processes")
    if left := parts_without_images(job.work):
        lines.append(f"examples of {left:,} parts have left WORK: those that changed shards need are made again")
    try:
        return lines + check_room(needs(job, package, found))
    except UserError as too_little:
        return [*lines, f"not enough room: {too_little}"]


def seed_annotations(work: Store, scratch: Path) -> None:
    """Copy the annotations of WORK, so that only what changed is annotated again."""
    for rel in (*work.list("annotations"), *work.list("markers/annotate")):
        target = scratch / rel
        target.parent.mkdir(parents=True, exist_ok=True)
        with work.open(rel) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
