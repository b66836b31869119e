"""Selection (method, sections 4 to 6): which candidates make the package, their split, names, order and shards.

Works on the rows of the parts, never on pixels. Nothing depends on the order of the rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import key64, row_keys
from builder.errors import UserError
from builder.recipe import Recipe
from builder.stages.select.candidates import Candidates, Ints, Mask, Outcomes, gather
from builder.stages.select.keep import cap_classes, drop_duplicates, drop_small_classes
from builder.stages.select.report import selection_report
from builder.stages.select.split import split_groups
from builder.stages.select.tables import rejects_table, selection_table


class Selected(NamedTuple):
    """What the package holds, what it leaves out, and facts about both."""

    selection: pa.Table  # columns of SELECTION, texts that repeat as codes or not; sorted by shard and position
    rejects: pa.Table  # REJECTS, sorted by idx and candidate
    report: dict[str, Any]  # JSON values, see `select_report.selection_report`


def select(rows: pa.Table, assignments: pa.Table, annotations: pa.Table, recipe: Recipe) -> Selected:
    """Choose the candidates of the package.

    Parameters
    ----------
    rows : columns of ``PART_ROWS`` and ``part``, one row per candidate that was made or refused
    assignments : schema ``ASSIGNMENTS``
    annotations : ``key``, and the columns of ``METADATA`` that ``ANNOTATIONS`` has, of the assigned images at least
    recipe : class_size, min_class_size, validation_share, shard_bytes and seed matter

    Raises
    ------
    UserError
        If min_class_size is above class_size, so that no class could stay.
    ValueError
        If a row belongs to no assigned image, an assigned image has no annotation, or a candidate comes twice.
    """
    check_sizes(recipe)
    candidates = gather(rows, assignments, annotations, recipe.seed)
    outcomes = Outcomes(candidates)
    drop_duplicates(candidates, outcomes)
    cap_classes(candidates, outcomes, recipe)
    drop_small_classes(candidates, outcomes, recipe)
    chosen = np.flatnonzero(outcomes.kept)
    selection = selection_table(candidates, chosen, _validation(candidates, chosen, recipe), recipe)
    rejects = rejects_table(candidates, outcomes)
    return Selected(selection, rejects, selection_report(selection, rejects, assignments, rows["idx"], recipe))


def check_sizes(recipe: Recipe) -> None:
    """Raise UserError if no class could be kept; cheap, so that it can be asked before anything is made."""
    if recipe.min_class_size > recipe.class_size:
        raise UserError(
            f"recipe: no class can have min_class_size={recipe.min_class_size} candidates with "
            f"class_size={recipe.class_size}; lower min_class_size"
        )


def _validation(candidates: Candidates, chosen: Ints, recipe: Recipe) -> Mask:
    """Return which of the chosen candidates are validation. A group is unique within its source only."""
    classes = np.unique(candidates.label[chosen], return_inverse=True)[1].reshape(-1)
    names = [candidates.column(name, chosen).cast(pa.string()) for name in ("dir_name", "group")]
    texts = pc.binary_join_element_wise(*names, "\x1f").combine_chunks().dictionary_encode()
    order = pc.sort_indices(texts.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    codes = rank[texts.indices.to_numpy()]
    keys = row_keys(texts.dictionary.take(order))
    held_out = split_groups(classes, codes, keys, recipe.validation_share, key64(recipe.seed, "split"))
    validation: Mask = held_out[codes]
    return validation
