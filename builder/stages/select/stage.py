"""Stage 4: selection of the package's candidates.

See method, sections 4 to 6.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import ClassVar

from builder.code_version import code_version
from builder.engine import markers
from builder.engine.store import Store
from builder.errors import UserError
from builder.recipe import Recipe
from builder.stages.annotations import read_assigned
from builder.stages.label.stage import Assignments
from builder.stages.select.accounts import accounts
from builder.stages.select.choose import select
from builder.stages.select.report import split_warnings
from builder.stages.select.store import StoredSelection, store_selection
from builder.stages.select.thumbnails import thumbnails_of, write_fingerprints
from builder.stages.stage import Facts
from builder.stages.standardize.items import wanted_images
from builder.stages.standardize.not_tried import NotTried
from builder.stages.standardize.part_rows import rows_of
from builder.stages.standardize.stage import Parts

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Select:
    """Stage that chooses examples, split, names, shards and order.

    Reads rows, never pixels.
    """

    work: Store
    recipe: Recipe
    assignments: Assignments
    parts: Parts
    name: ClassVar[str] = "select"

    def fingerprint(self) -> str:
        """Return the hash of labels, parts, untried images, recipe, code."""
        return markers.fingerprint(
            "select",
            self.assignments.fingerprint,
            self.parts.pixels,
            self.parts.rows,
            self.parts.not_tried.fingerprint,
            self.recipe.fingerprint("select"),
            code_version(
                select, wanted_images, NotTried, rows_of, read_assigned, accounts, write_fingerprints, store_selection
            ),
        )

    def find(self, facts: Facts) -> StoredSelection | None:
        """Return the selection of an earlier run."""
        return StoredSelection.find(self.work, facts)

    def run(self) -> tuple[StoredSelection, Facts]:
        """Choose, and store the selection and the rejects.

        Raises
        ------
        UserError
            Where no class is left.
        """
        assignments = self.assignments.read()
        not_tried = self.parts.not_tried
        images = not_tried.without(wanted_images(self.work, assignments, self.recipe))
        rows = not_tried.with_rows(rows_of(self.work, self.parts.pixels, images))
        thumbnails = functools.partial(thumbnails_of, self.work, self.parts.pixels)
        selected = select(rows, assignments, read_assigned(self.work, assignments), self.recipe, thumbnails)
        if not selected.selection.num_rows:
            raise UserError(
                f"no class has {self.recipe.min_class_size} examples after quality control; "
                "lower it with --set min_class_size=N"
            )
        for line in split_warnings(selected.report["split"]):
            log.warning("select: %s", line)
        selected.report["accounts"] = accounts(selected.selection, selected.rejects, self.assignments.unlabelled)
        write_fingerprints(self.work, self.parts.pixels, selected.selection)
        return store_selection(self.work, selected)

    def describe(self, result: StoredSelection) -> str:
        """Return how many examples the package will hold."""
        return f"{result.examples:,} examples, {result.rejected:,} left out"
