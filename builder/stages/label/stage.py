"""Stage 2: classes and their images (method, section 2)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.code_version import code_version
from builder.engine import markers
from builder.engine.parquet import read_parquet
from builder.engine.store import Store
from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import ASSIGNMENTS
from builder.stages import work_files
from builder.stages.annotate.stage import AnnotatedSource
from builder.stages.annotations import read_annotations
from builder.stages.label.assign import Unlabelled, assign_images, columns_needed
from builder.stages.stage import Facts


@dataclasses.dataclass(frozen=True)
class Assignments:
    """The labels of images, in WORK."""

    work: Store
    fingerprint: str
    images: int
    classes: int
    unlabelled: Unlabelled

    def read(self) -> pa.Table:
        """Return the table, schema ``ASSIGNMENTS``."""
        return read_parquet(self.work, work_files.ASSIGNMENTS).cast(ASSIGNMENTS)


@dataclasses.dataclass(frozen=True)
class Label:
    """Gives labels to the annotated images."""

    work: Store
    recipe: Recipe
    sources: Sequence[AnnotatedSource]
    name: ClassVar[str] = "label"

    def fingerprint(self) -> str:
        """Return the hash of source rows, recipe and code."""
        sources = (source.fingerprint for source in self.sources)
        code = code_version(assign_images, read_annotations)
        return markers.fingerprint("label", *sources, self.recipe.fingerprint("label"), code)

    def find(self, facts: Facts) -> Assignments | None:
        """Return the assignments of an earlier run."""
        self._keep_recipe()
        return self._assignments(facts) if self.work.exists(work_files.ASSIGNMENTS) else None

    def run(self) -> tuple[Assignments, Facts]:
        """Assign, and store the table.

        Raises
        ------
        UserError
            Where there is no class.
        """
        self._keep_recipe()
        dir_names = [source.dir_name for source in self.sources]
        annotations = read_annotations(self.work, dir_names, columns_needed(self.recipe))
        table, unlabelled = assign_images(annotations, self.recipe)
        if not table.num_rows:
            raise UserError(
                f"no token has {self.recipe.min_images} images, so there is no class; lower it with --set min_images=N"
            )
        with self.work.writing(work_files.ASSIGNMENTS) as file:
            pq.write_table(table, file, compression="zstd")
        facts = {"images": table.num_rows, "classes": len(pc.unique(table["label"])), **unlabelled._asdict()}
        return self._assignments(facts), facts

    def describe(self, result: Assignments) -> str:
        """Return how many images and classes there are."""
        return f"{result.images:,} images in {result.classes:,} classes"

    def _keep_recipe(self) -> None:
        self.work.write_bytes(work_files.RECIPE, json.dumps(self.recipe.as_dict(), indent=1).encode())

    def _assignments(self, facts: Facts) -> Assignments:
        unlabelled = Unlabelled(facts["not_drawn"], facts["no_class"])
        return Assignments(self.work, self.fingerprint(), facts["images"], facts["classes"], unlabelled)
