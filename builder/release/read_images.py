"""The stage that reads released images into parts of WORK."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Iterator
from typing import ClassVar, Final

import pyarrow as pa

from builder.code_version import PIXEL_LIBRARIES, code_version
from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.recipe import Recipe
from builder.release.read import Release
from builder.release.read_part import read_part
from builder.stages.stage import Facts
from builder.stages.standardize.item import Item
from builder.stages.standardize.items import part_tasks
from builder.stages.standardize.make_part import record_crash
from builder.stages.standardize.not_tried import STOP_AT_FAULTS, FaultPolicy, NotTried
from builder.stages.standardize.part_rows import covered, without
from builder.stages.standardize.rejects import forget_rejects
from builder.stages.standardize.stage import Parts, parts_state
from builder.stages.task_runner import TaskRunner

log = logging.getLogger(__name__)

_FOLDER: Final = "release"  # of its parts, beside those of sources


@dataclasses.dataclass(frozen=True)
class ReadImages:
    """The stage that brings released images into parts.

    An image that a part holds already is not read again. ``made_from`` is the hash of what the release's rows were made
    from.
    """

    data: Store
    work: Store
    recipe: Recipe
    runner: TaskRunner
    release: Release
    made_from: str
    faults: FaultPolicy = STOP_AT_FAULTS
    name: ClassVar[str] = "read"

    def fingerprint(self) -> str:
        """Return the hash of all that determines the result.

        The release's rows and all that changes pixels.
        """
        return markers.fingerprint("read", self.made_from, self._pixels())

    def find(self, facts: Facts) -> Parts | None:
        """Return the parts of an earlier run, if still valid.

        None where one has come or gone since, or something is to be tried again.
        """
        if self.faults.retry_rejects or facts["not_tried"]:
            return None
        parts = Parts(self._pixels(), parts_state(self.work), facts["images"])
        return parts if facts["rows"] == parts.rows else None

    def run(self) -> tuple[Parts, Facts]:
        """Ask which images no part holds, and read those.

        Raises
        ------
        UserError
            At a fault of the machine, unless such images are skipped.
        """
        pixels = self._pixels()
        forget_rejects(self.work, pixels, self.faults.retry_rejects)
        not_tried = NotTried(self.faults.skip_unreadable)
        images = images_of(self.release)
        missing = without(images, covered(self.work, pixels))
        log.info("read: %s of %s examples to do", f"{missing.num_rows:,}", f"{images.num_rows:,}")
        self.runner.run(
            Progress(self.name, missing.num_rows, "examples"),
            functools.partial(read_part, self.data, self.work, self.recipe, pixels, self.faults.skip_unreadable),
            part_tasks(_items(missing), self.recipe.part_images),
            on_result=lambda _, found: not_tried.add(found),
            on_crash=lambda item, detail: record_crash(self.work, pixels, item, detail),
            on_fault=not_tried.on_fault,
        )
        not_tried.say()
        facts = {"rows": parts_state(self.work), "images": images.num_rows}
        return Parts(pixels, **facts, not_tried=not_tried), {**facts, "not_tried": len(not_tried)}

    def describe(self, result: Parts) -> str:
        """Return how many images the parts hold."""
        missing = len(result.not_tried)
        return f"all {result.images:,} images are there" if not missing else f"{missing:,} images are not there"

    def _pixels(self) -> str:
        code = code_version(read_part, libraries=PIXEL_LIBRARIES)
        return markers.fingerprint("release", self.recipe.fingerprint("standardize"), code)


def images_of(release: Release) -> pa.Table:
    """Return the released images in the columns of parts.

    ``idx`` (the file), ``dir_name``, ``crops`` and ``file_signature``. ``crops`` is 1 for a crop and 0 for a whole
    image.
    """
    count = release.rows.num_rows
    return pa.table(
        {
            "idx": release.rows["file"].cast(pa.string()),
            "dir_name": pa.array([_FOLDER] * count, pa.string()),
            "crops": release.rows["crop"].cast(pa.int8()),
            "file_signature": release.rows["file_signature"].cast(pa.int64()),
        }
    )


def _items(missing: pa.Table) -> Iterator[Item]:
    ordered = missing.sort_by("idx")
    columns = (ordered[name].to_pylist() for name in ("idx", "crops", "file_signature"))
    for file, crops, file_signature in zip(*columns, strict=True):
        yield Item(file, _FOLDER, (file,), (0,), None, crops, file_signature)
