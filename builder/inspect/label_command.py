"""What `cytoimagenet label` and `diff` do with a WORK folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine.parquet import read_parquet
from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect import diff
from builder.inspect.label_explain import explain
from builder.inspect.label_report import class_csv, class_table
from builder.inspect.label_thresholds import threshold_chart, threshold_table, thresholds_around
from builder.inspect.text_table import text_table
from builder.recipe import Recipe
from builder.stages import work_files
from builder.stages.annotate.stage import AnnotatedSource, annotated_in
from builder.stages.annotations import read_annotations
from builder.stages.label.assign import Labelling, columns_needed
from builder.stages.label.stage import Label
from builder.stages.stage import carry_out
from builder.stages.thresholds import Auto, fitted
from builder.vocabulary.lookalikes import LookAlike, lookalikes

log = logging.getLogger(__name__)


def recipe_of(work: Store) -> Recipe:
    """Return the recipe WORK was last built or labelled with.

    The method's where there is none.

    Raises
    ------
    UserError
        Where they cannot be read.
    """
    if not work.exists(work_files.RECIPE):
        return Recipe()
    try:
        return Recipe.of(json.loads(work.read_bytes(work_files.RECIPE)))
    except (ValueError, TypeError, AttributeError) as error:
        text = f"{work.url}/{work_files.RECIPE} cannot be read ({error}); give the numbers with --recipe"
        raise UserError(text) from None


def labelled(work: Store, recipe: Recipe, auto: Auto = Auto()) -> pa.Table:  # noqa: B008 -- it never changes
    """Assign labels, write assignments and class table; return the latter."""
    sources = annotated_in(work)
    recipe, said = fitted(work, recipe, auto, sources)
    for line in said:
        log.info("%s", line)
    carry_out(Label(work, recipe, sources))
    table = class_table(_labelling(work, recipe, sources))
    work.write_bytes("classes.csv", class_csv(table))
    with work.writing("classes.parquet") as file:
        pq.write_table(table, file, compression="zstd")
    return table


def explained(work: Store, recipe: Recipe, name: str) -> str:
    """Return why a label has the images it has."""
    return explain(_labelling(work, recipe, annotated_in(work)), name)


def alike(work: Store, recipe: Recipe) -> str:
    """List similar unmerged tokens with their image counts."""
    index = _labelling(work, recipe, annotated_in(work)).index
    found = lookalikes({category: tokens.counts for category, tokens in index.items()})
    return text_table(LookAlike._fields, found) if found else "no two tokens look alike"


def thresholds(work: Store, recipe: Recipe, file: Path) -> str:
    """Plot the class count over the threshold; return the table.

    The table is text.
    """
    table = threshold_table(_labelling(work, recipe, annotated_in(work)), thresholds_around(recipe))
    file.write_bytes(threshold_chart(table, recipe).save(file.name))
    rows = [tuple(row.values()) for row in table.to_pylist()]
    return text_table(tuple(table.column_names), rows)


def difference(work_a: Store, work_b: Store) -> diff.Difference:
    """Return what changed from one WORK to another."""
    tables = [_read(work, path) for path in (work_files.ASSIGNMENTS, work_files.SELECTION) for work in (work_a, work_b)]
    for work, assignments in zip((work_a, work_b), tables, strict=False):
        if assignments is None:
            raise UserError(
                f"{work.url} holds no {work_files.ASSIGNMENTS}; make it with `cytoimagenet label` or `build`"
            )
    return diff.compare(*tables)


def _read(work: Store, path: str) -> pa.Table | None:
    return read_parquet(work, path) if work.exists(path) else None


def _labelling(work: Store, recipe: Recipe, sources: list[AnnotatedSource]) -> Labelling:
    dir_names = [source.dir_name for source in sources]
    return Labelling(read_annotations(work, dir_names, columns_needed(recipe)), recipe)
