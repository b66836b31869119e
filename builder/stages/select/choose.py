"""Selection of the package's examples (method, sections 4 to 6).

Also decides their split, names, order and shards. Works on the rows of the parts, never on pixels. Nothing depends on
the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from builder.draw import key64
from builder.errors import UserError
from builder.recipe import Recipe
from builder.stages.select.candidates import Candidates, Ints, Mask, Outcomes, gather
from builder.stages.select.departures import departures
from builder.stages.select.keep import choose_examples
from builder.stages.select.near import alike_groups
from builder.stages.select.report import selection_report
from builder.stages.select.split import split_groups
from builder.stages.select.tables import rejects_table, selection_table
from builder.stages.select.units import Groups, Units, merged_by_content, merges, ranked, units

I8 = npt.NDArray[np.int8]


class Selected(NamedTuple):
    """The package's contents, what was left out, and facts."""

    selection: pa.Table  # columns of SELECTION, texts that repeat as codes or not; sorted by shard and position
    rejects: pa.Table  # REJECTS, sorted by idx and candidate
    report: dict[str, Any]  # JSON values, see `report.selection_report`, and what was changed by `departures`


def select(
    rows: pa.Table,
    assignments: pa.Table,
    annotations: pa.Table,
    recipe: Recipe,
    thumbnails: Callable[[pa.Array], I8] | None = None,
) -> Selected:
    """Choose the candidates of the package.

    Parameters
    ----------
    rows : columns of ``PART_ROWS`` and ``part``, one row per candidate that was made or refused
    assignments : schema ``ASSIGNMENTS``
    annotations : ``key``, and the columns of ``METADATA`` that ``ANNOTATIONS`` has, of the assigned images at least
    recipe : class_size, min_class_size, shard_bytes, seed, and what is said of validation matter
    thumbnails : of images given by idx, int8 (n, 16, 16); asked for where the recipe merges near-duplicates

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
    choose_examples(candidates, outcomes, recipe)
    chosen = np.flatnonzero(outcomes.kept)
    validation, facts = _split(candidates, outcomes, chosen, recipe, thumbnails)
    selection = selection_table(candidates, chosen, validation, recipe)
    rejects = rejects_table(candidates, outcomes)
    report = selection_report(selection, rejects, assignments, rows["idx"], recipe)
    report["split"] |= facts
    report["departures"] = departures(candidates, chosen, recipe)
    return Selected(selection, rejects, report)


def check_sizes(recipe: Recipe) -> None:
    """Raise UserError if the recipe leaves no class.

    Cheap enough to call before anything is made.
    """
    if recipe.min_class_size > recipe.class_size:
        raise UserError(
            f"recipe: no class can have min_class_size={recipe.min_class_size} candidates with "
            f"class_size={recipe.class_size}; lower min_class_size"
        )


def _split(
    candidates: Candidates,
    outcomes: Outcomes,
    chosen: Ints,
    recipe: Recipe,
    thumbnails: Callable[[pa.Array], I8] | None,
) -> tuple[Mask, dict[str, Any]]:
    """Return the mask of validation examples, and facts about merges."""
    made = np.flatnonzero(outcomes.made)
    groups = Groups.of(*(candidates.column(name, made) for name in ("dir_name", "group")))
    contents = candidates.codes("sha256", made)
    batches = candidates.column("batch", chosen) if recipe.split_by == "batch" else None
    places = np.searchsorted(made, chosen)

    pairs: Sequence[tuple[int, int]] = ()
    facts: dict[str, Any] = {"merged_groups": merges(groups, merged_by_content(groups, contents))}
    if recipe.near_duplicates != "keep" and thumbnails is not None:
        image, names = ranked(pa.chunked_array([candidates.column("idx", chosen).combine_chunks()]))
        pairs = alike_groups(thumbnails(names), image, groups.codes[places])
    parent = merged_by_content(groups, contents, pairs)
    if pairs:
        facts["merged_alike"] = merges(groups, parent)
    found = units(groups, parent, places, batches)
    return _validation(candidates.label[chosen], found, recipe), facts


def _validation(labels: Ints, found: Units, recipe: Recipe) -> Mask:
    """Return which of the chosen candidates are validation."""
    classes = np.unique(labels, return_inverse=True)[1].reshape(-1)
    salt = key64(recipe.seed, "split")
    share, most = recipe.validation_share, recipe.validation_limit
    validation: Mask = split_groups(classes, found.codes, found.keys, share, salt, most)[found.codes]
    return validation
