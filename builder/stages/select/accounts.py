"""Counts of what became of all annotated images.

Every image is in exactly one of the counts.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from builder.stages.label.assign import Unlabelled


def accounts(selection: pa.Table, rejects: pa.Table, unlabelled: Unlabelled) -> dict[str, Any]:
    """Count images in JSON values.

    Returns
    -------
    dict:
        in_package
            images with an example in the package
        refused
            reason -> images with a label and no example; of several reasons that of the last step that an image reached
        not_drawn, no_class
            images without a label: left out when their class was drawn, and those none of whose tokens is a class
        annotated
            the sum
    """
    inside = pc.unique(selection["idx"])
    gone = rejects.filter(pc.invert(pc.is_in(rejects["idx"], value_set=inside)))
    gone = gone.select(["idx", "stage", "candidate", "reason"])
    gone = gone.sort_by([("idx", "ascending"), ("stage", "ascending"), ("candidate", "ascending")])  # select first
    first = gone.group_by("idx", use_threads=False).aggregate([("reason", "first")])
    counts = pc.value_counts(first["reason_first"]).to_pylist()
    refused = dict(sorted((found["values"], found["counts"]) for found in counts))
    found = {"in_package": len(inside), "refused": refused, **unlabelled._asdict()}
    annotated = len(inside) + sum(refused.values()) + unlabelled.not_drawn + unlabelled.no_class
    return found | {"annotated": annotated}
