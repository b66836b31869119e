"""Facts about a selection: class splits, and drops with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.recipe import Recipe
from builder.schema import SPLITS

_SWOLLEN: Final = 1.25
_NAMED: Final = 5
_UNITS: Final = {"group": "groups", "batch": "batches"}


def selection_report(
    selection: pa.Table, rejects: pa.Table, assignments: pa.Table, idx: pa.ChunkedArray, recipe: Recipe
) -> dict[str, Any]:
    """Describe a selection in JSON values.

    Parameters
    ----------
    selection, rejects, assignments : tables of these schemas
    idx : of every example that was made or refused

    Returns
    -------
    dict:
        classes
            label -> category, assigned (images), images, groups, train, validation (examples), share, deviation
            (share less the recipe's)
        dropped_classes
            label -> category, assigned (images), of labels without any example in the package
        split
            by, share, limit (the recipe's), validation_share (of all examples), without_validation, without_training
            (labels), without_batch (examples whose batch is unknown), in all cases; merged_groups, see `units.merges`
        one_sided
            labels of several groups whose examples are all on one side, though the recipe wants a validation split
        one_group
            labels whose examples are one group, so that they cannot be on both sides
        mean_deviation, largest_deviation
            of the classes' absolute deviations
        rejects
            reason -> examples
        missing
            assigned images of which no example was made or refused
    """
    classes = _classes(selection, recipe)
    assigned = pc.value_counts(assignments["label"]).to_pylist()
    images = {found["values"]: found["counts"] for found in assigned}
    pairs = assignments.select(["label", "category"]).group_by(["label", "category"]).aggregate([]).to_pylist()
    category = {pair["label"]: pair["category"] for pair in pairs}
    for label, facts in classes.items():
        facts["assigned"] = images[label]
    deviations = [abs(facts["deviation"]) for facts in classes.values()]
    bare = [
        label
        for label, facts in classes.items()
        if recipe.validation_share and 0 in (facts["train"], facts["validation"])
    ]
    reasons = pc.value_counts(rejects["reason"]).to_pylist()
    return {
        "classes": classes,
        "dropped_classes": {
            label: {"category": category[label], "assigned": images[label]}
            for label in sorted(set(images) - set(classes))
        },
        "split": _split(selection, classes, recipe),
        "one_sided": [label for label in bare if classes[label]["groups"] > 1],
        "one_group": [label for label in bare if classes[label]["groups"] == 1],
        "mean_deviation": float(np.mean(deviations)) if deviations else 0.0,
        "largest_deviation": max(deviations, default=0.0),
        "rejects": dict(sorted((found["values"], found["counts"]) for found in reasons)),
        "missing": int(pc.sum(pc.invert(pc.is_in(assignments["idx"], value_set=pc.unique(idx)))).as_py() or 0),
    }


def split_warnings(split: Mapping[str, Any]) -> list[str]:
    """Return warnings about a split that misses the recipe's targets."""
    if not split["share"]:
        return []
    lines = []
    if split["validation_share"] > split["share"] * _SWOLLEN:
        lines.append(
            f"validation is {split['validation_share']:.1%} of all examples, not {split['share']:.1%}: "
            f"{_UNITS[split['by']]} stay whole, and classes have few of them or share them; max_validation_share "
            f"bounds it (now {split['limit']:.1%})"
        )
    for key, side in (("without_validation", "validation"), ("without_training", "training")):
        if split[key]:
            names = ", ".join(split[key][:_NAMED]) + (", …" if len(split[key]) > _NAMED else "")
            lines.append(f"{len(split[key]):,} classes have no {side}: {names}")
    if split["by"] == "batch" and split["without_batch"]:
        lines.append(f"{split['without_batch']:,} examples have no batch: of these, groups are kept whole")
    for key, what in (("merged_groups", "the same images as others"), ("merged_alike", "images like those of others")):
        found = split.get(key)
        if found and found["groups"]:
            lines.append(
                f"{found['groups']:,} groups hold {what} and count as {found['units']:,}, "
                f"for instance {' = '.join(found['names'][0][:_NAMED])}"
            )
    return lines


def _split(selection: pa.Table, classes: dict[str, dict[str, Any]], recipe: Recipe) -> dict[str, Any]:
    validation = sum(facts["validation"] for facts in classes.values())
    return {
        "by": recipe.split_by,
        "share": recipe.validation_share,
        "limit": recipe.validation_limit,
        "validation_share": validation / max(1, selection.num_rows),
        "without_validation": [label for label, facts in classes.items() if not facts["validation"]],
        "without_training": [label for label, facts in classes.items() if not facts["train"]],
        "without_batch": selection["batch"].null_count,
    }


def _classes(selection: pa.Table, recipe: Recipe) -> dict[str, dict[str, Any]]:
    split = _counts(selection, "split")
    images, groups = (_counts(_distinct(selection, *names)) for names in (("idx",), ("group",)))
    category_of: dict[str, str] = {}
    for label, category in sorted(
        (row["label"], row["category"]) for row in _distinct(selection, "category").to_pylist()
    ):
        category_of.setdefault(label, category)
    out: dict[str, dict[str, Any]] = {}
    for label, category in category_of.items():
        train, validation = (split.get((label, name), 0) for name in SPLITS)
        share = validation / (train + validation)
        out[label] = {
            "category": category,
            "images": images[label,],
            "groups": groups[label,],
            "train": train,
            "validation": validation,
            "share": share,
            "deviation": share - recipe.validation_share,
        }
    return out


def _distinct(table: pa.Table, *columns: str) -> pa.Table:
    return table.select(["label", *columns]).group_by(["label", *columns]).aggregate([])


def _counts(table: pa.Table, *columns: str) -> dict[tuple[str, ...], int]:
    """Return (label, values of the columns) -> rows."""
    found = table.group_by(["label", *columns]).aggregate([([], "count_all")]).to_pylist()
    return {(row["label"], *(row[name] for name in columns)): row["count_all"] for row in found}
