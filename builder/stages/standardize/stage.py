"""Stage 3: standardising images into candidates (method, sections 3-5).

Each candidate is a PNG.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from builder.code_version import PIXEL_LIBRARIES, code_version
from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.recipe import Recipe
from builder.stages import work_files
from builder.stages.label.stage import Assignments
from builder.stages.stage import Facts
from builder.stages.standardize.disk_space import SpaceCheck
from builder.stages.standardize.faulty_files import shared_files
from builder.stages.standardize.items import items_of, part_tasks, wanted_images
from builder.stages.standardize.make_part import record_crash, standardize_part
from builder.stages.standardize.not_tried import STOP_AT_FAULTS, FaultPolicy, NotTried
from builder.stages.standardize.part_rows import covered, without
from builder.stages.standardize.precompile import compile_kernels, is_compiled
from builder.stages.standardize.rejects import forget_rejects
from builder.stages.task_runner import TaskRunner

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts in WORK that hold a build's candidates.

    Attributes
    ----------
    pixels : hash of all that changes pixels: the recipe's part, code and libraries; parts of another one do not count
    rows : hash of the state of all parts' rows
    images : how many images the build wants
    not_tried : those that a fault of the machine kept out of all parts
    """

    pixels: str
    rows: str
    images: int
    not_tried: NotTried = dataclasses.field(default_factory=NotTried)


@dataclasses.dataclass(frozen=True)
class Standardize:
    """Makes the candidates that no finished part holds yet.

    ``again`` are images (idx) to make once more though a part has their rows, because their PNGs were removed.
    """

    data: Store
    work: Store
    recipe: Recipe
    runner: TaskRunner
    assignments: Assignments
    space: SpaceCheck
    faults: FaultPolicy = STOP_AT_FAULTS
    again: pa.Array | None = None
    name: ClassVar[str] = "standardize"

    def fingerprint(self) -> str:
        """Return the hash of assigned images and all pixel settings."""
        return markers.fingerprint("standardize", self.assignments.fingerprint, pixels_fingerprint(self.recipe))

    def find(self, facts: Facts) -> Parts | None:
        """Return an earlier run's parts, or None if outdated.

        None where a part has come or gone since, or something is to be tried again.
        """
        if self.again is not None or self.faults.retry_rejects or facts["not_tried"]:
            return None
        parts = Parts(pixels_fingerprint(self.recipe), parts_state(self.work), facts["images"])
        return parts if facts["rows"] == parts.rows else None

    def run(self) -> tuple[Parts, Facts]:
        """Make the images that no part holds yet.

        Raises
        ------
        UserError
            Where they cannot fit on the disk, or at a fault of the machine, unless such images are skipped.
        """
        pixels = pixels_fingerprint(self.recipe)
        self.work.write_bytes(work_files.PRESENT, pixels.encode())
        forget_rejects(self.work, pixels, self.faults.retry_rejects)
        not_tried = NotTried(self.faults.skip_unreadable)
        images = wanted_images(self.work, self.assignments.read(), self.recipe)
        missing = without(images, covered(self.work, pixels))
        if self.again is not None:
            needed = pa.concat_arrays([missing["idx"].combine_chunks(), self.again])
            missing = images.filter(pc.is_in(images["idx"], value_set=needed))
        if missing.num_rows:
            self.space.require(images, missing)
            log.info("standardize: %s of %s images to do", f"{missing.num_rows:,}", f"{images.num_rows:,}")
            pa.default_memory_pool().release_unused()  # what comparing took, before hours of work on images
            self._make(pixels, images, missing, not_tried)
            not_tried.say()
        facts = {"rows": parts_state(self.work), "images": images.num_rows}
        return Parts(pixels, **facts, not_tried=not_tried), {**facts, "not_tried": len(not_tried)}

    def describe(self, result: Parts) -> str:
        """Return how many images the parts hold."""
        missing = len(result.not_tried)
        return f"all {result.images:,} images are there" if not missing else f"{missing:,} images are not there"

    def _make(self, pixels: str, images: pa.Table, missing: pa.Table, not_tried: NotTried) -> None:
        if not is_compiled():
            log.info("compiling the pixel kernels first, once per machine: half a minute or less")
        self.runner.run(
            Progress(self.name, missing.num_rows, "images"),
            functools.partial(
                standardize_part,
                self.data.url,
                self.data.options,
                self.work,
                self.recipe,
                pixels,
                self.faults.skip_unreadable,
            ),
            part_tasks(items_of(self.work, missing), self.recipe.part_images),
            on_result=lambda _, found: not_tried.add(found),
            on_crash=lambda item, detail: record_crash(self.work, pixels, item, detail),
            on_fault=not_tried.on_fault,
            shared=shared_files(self.work, pixels, images),
            prepare=compile_kernels,
        )


def pixels_fingerprint(recipe: Recipe) -> str:
    """Return the hash of all that changes pixels.

    That is the recipe's part, code and libraries.
    """
    code = code_version(standardize_part, items_of, libraries=PIXEL_LIBRARIES)
    return markers.fingerprint("standardize", recipe.fingerprint("standardize"), code)


def parts_state(work: Store) -> str:
    """Return the hash of all parts' row files.

    Their names and sizes suffice: they are never changed, only added or removed.
    """
    sizes = work.sizes(work_files.PARTS)
    rows = [(path, size) for path, size in sizes.items() if path.endswith(".parquet")]
    return markers.fingerprint(json.dumps(rows))
