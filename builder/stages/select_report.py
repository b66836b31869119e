"""Facts about a selection: each class's split, what was dropped, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.recipe import Recipe
from builder.schema import SPLITS


def selection_report(
    selection: pa.Table, rejects: pa.Table, assignments: pa.Table, idx: pa.ChunkedArray, recipe: Recipe
) -> dict[str, Any]:
    """Describe a selection in JSON values.

    Parameters
    ----------
    selection, rejects, assignments : tables of these schemas
    idx : of every picture that was made or refused

    Returns
    -------
    dict:
        classes
            label -> category, assigned (images), images, groups, train, validation (pictures), share, deviation
            (share less the recipe's)
        dropped_classes
            label -> category, assigned (images), of labels without any picture in the package
        one_sided
            labels of several groups whose pictures are all on one side, though the recipe wants a validation split
        one_group
            labels whose pictures are one group, so that they cannot be on both sides
        mean_deviation, largest_deviation
            of the classes' absolute deviations
        rejects
            reason -> pictures
        missing
            assigned images of which no picture was made or refused
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
        "one_sided": [label for label in bare if classes[label]["groups"] > 1],
        "one_group": [label for label in bare if classes[label]["groups"] == 1],
        "mean_deviation": float(np.mean(deviations)) if deviations else 0.0,
        "largest_deviation": max(deviations, default=0.0),
        "rejects": dict(sorted((found["values"], found["counts"]) for found in reasons)),
        "missing": int(pc.sum(pc.invert(pc.is_in(assignments["idx"], value_set=pc.unique(idx)))).as_py() or 0),
    }


def _classes(selection: pa.Table, recipe: Recipe) -> dict[str, dict[str, Any]]:
    group = pc.binary_join_element_wise(selection["dir_name"], selection["group"], "\x1f")
    table = selection.select(["label", "category", "idx", "split"]).append_column("group", group)
    found = table.group_by("label").aggregate(
        [("category", "min"), ("idx", "count_distinct"), ("group", "count_distinct"), ("split", "count")]
    )
    counted = table.group_by(["label", "split"]).aggregate([("idx", "count")]).to_pylist()
    counts = {(row["label"], row["split"]): row["idx_count"] for row in counted}
    out: dict[str, dict[str, Any]] = {}
    for row in sorted(found.to_pylist(), key=lambda row: str(row["label"])):
        train, validation = (counts.get((row["label"], split), 0) for split in SPLITS)
        share = validation / (train + validation)
        out[row["label"]] = {
            "category": row["category_min"],
            "images": row["idx_count_distinct"],
            "groups": row["group_count_distinct"],
            "train": train,
            "validation": validation,
            "share": share,
            "deviation": share - recipe.validation_share,
        }
    return out
