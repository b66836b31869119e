"""`cytoimagenet label --explain`: how a label got its images."""

from __future__ import annotations

import difflib

import numpy as np

from builder.errors import UserError
from builder.inspect.text_table import text_table
from builder.stages.label.assign import Labelling, Step
from builder.stages.label.index import Rows
from builder.stages.label.sampling import strata_of
from builder.vocabulary import why_no_class

_MOST = 40


def explain(labelling: Labelling, label: str) -> str:
    """Explain, as text, how a label's images were chosen.

    How many images hold the label, which labels took some before it, and how its own were drawn.

    Raises
    ------
    UserError
        If no image holds the label.
    """
    held = {category: index.counts[label] for category, index in labelling.index.items() if label in index.counts}
    if not held:
        raise UserError(_unknown(labelling, label))
    owner = np.full(labelling.annotations.num_rows, -1, np.int32)
    earlier: list[str] = []
    for step in labelling.steps():
        if step.label.name == label:
            return "\n".join([*_columns(held, step.label.category), *_story(labelling, step, owner, earlier)])
        owner[step.taken] = len(earlier)
        earlier.append(step.label.name)
    most = max(held.values())
    return "\n".join(
        [*_columns(held, None), f"No class: a label needs min_images={labelling.recipe.min_images:,}, it has {most:,}."]
    )


def _unknown(labelling: Labelling, label: str) -> str:
    if label in labelling.recipe.drop_labels or label in labelling.recipe.rename_labels:
        return f"label {label!r} is dropped or renamed by the recipe"
    if reasons := [
        f"{label!r} is no class as {category}: {reason}"
        for category, index in labelling.index.items()
        if label in index.tokens and (reason := why_no_class(category, label))
    ]:
        return "; ".join(reasons)
    known = [name for index in labelling.index.values() for name in index.counts]
    near = difflib.get_close_matches(label, known, n=3)
    return f"no image holds {label!r}" + (f"; did you mean {' or '.join(map(repr, near))}?" if near else "")


def _columns(held: dict[str, int], category: str | None) -> list[str]:
    lines = []
    for name, count in held.items():
        unused = category is not None and name != category
        lines.append(
            f"{count:,} images hold it as {name}" + (f" (not used: it belongs to {category})" if unused else "")
        )
    return lines


def _story(labelling: Labelling, step: Step, owner: Rows, earlier: list[str]) -> list[str]:
    owners = owner[step.candidates]
    counts = np.bincount(owners[owners >= 0], minlength=len(earlier))
    takers = sorted(np.flatnonzero(counts).tolist(), key=lambda i: (-counts[i], earlier[i]))
    lines = [f"{int(counts.sum()):,} of these were taken by {len(takers):,} labels with fewer images"]
    if takers:
        rows = [(earlier[i], int(counts[i])) for i in takers[:_MOST]]
        lines += [text_table(("label", "images"), rows, "  "), *_more(len(takers))]
    recipe = labelling.recipe
    if not len(step.taken):
        return [
            *lines,
            f"{len(step.free):,} are left: fewer than min_images={recipe.min_images:,}, so there is no class",
        ]
    lines.append(f"{len(step.free):,} are left")
    if not step.drawn:
        return [*lines, f"No more than class_size={recipe.class_size:,}: all are taken"]
    if step.presample is not None:
        first = tuple(name for name in recipe.presample_strata if name != step.label.category)
        lines += [
            f"More than presample_size={recipe.presample_size:,}: first {len(step.presample):,} drawn, in strata of",
            *_shares(labelling, step.free, step.presample, first),
        ]
    return [
        *lines,
        f"More than class_size={recipe.class_size:,}: {len(step.taken):,} are drawn, in strata of",
        *_shares(labelling, step.pool, step.taken, step.strata),
    ]


def _shares(labelling: Labelling, pool: Rows, drawn: Rows, names: tuple[str, ...]) -> list[str]:
    """Describe the strata, largest first.

    Rows in the pool, their exact share of the places, and how many were drawn.
    """
    columns = [labelling.columns[name] for name in names]
    both = strata_of(np.concatenate([pool, drawn]), columns)
    ids = both[: len(pool)]
    counts = np.bincount(ids)
    got = np.bincount(both[len(pool) :], minlength=len(counts))
    any_row = np.empty(len(counts), np.int64)
    any_row[ids] = pool
    order = np.lexsort((np.arange(len(counts)), -counts))[:_MOST]
    rows = [
        (
            int(counts[i]),
            float(counts[i] * len(drawn) / len(pool)),
            int(got[i]),
            *(column.values[column.codes[any_row[i]]] for column in columns),
        )
        for i in order.tolist()
    ]
    return [text_table(("images", "share", "drawn", *names), rows, "  "), *_more(len(counts))]


def _more(count: int) -> list[str]:
    return [f"  … and {count - _MOST:,} more"] if count > _MOST else []
