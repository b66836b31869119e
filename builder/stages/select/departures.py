"""Counts of the effects of departures from the paper.

See method, sections 4 and 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.recipe import Recipe
from builder.stages.select.candidates import Candidates, Ints, Mask


def departures(candidates: Candidates, chosen: Ints, recipe: Recipe) -> dict[str, Any]:
    """Count what would differ under the paper's method.

    The counts are JSON values.

    Parameters
    ----------
    chosen : places of the examples of the package

    Returns
    -------
    dict:
        single_objects_whole
            images of a single object in the package that are whole, though large enough to be cut
        redrawn
            examples whose first window was blank: another in the same quadrant took its place
        blank
            windows that were refused as blank, of all images with a label
        dim_kept
            images in the package that are dim as a whole and have examples all the same
        dim
            images that were refused as dim
    """
    idx = candidates.codes("idx", chosen)
    sides = [candidates.column(name, chosen) for name in ("height", "width")]
    large = pc.greater_equal(pc.min_element_wise(*sides), recipe.min_side)
    single = pc.and_(candidates.column("single_object", chosen), pc.invert(candidates.column("crop", chosen)))
    refused = candidates.rows["reason"]
    return {
        "single_objects_whole": _images(idx, _mask(pc.and_(single, large))),
        "redrawn": int(_mask(pc.greater(candidates.column("redrawn", chosen), 0)).sum()),
        "blank": _count(refused, "crop_blank"),
        "dim_kept": _images(idx, _mask(candidates.column("whole_dim", chosen))),
        "dim": _count(refused, "dim"),
    }


def _mask(values: pa.ChunkedArray) -> Mask:
    found: Mask = values.fill_null(False).to_numpy().astype(bool)
    return found


def _images(idx: Ints, where: Mask) -> int:
    return len(np.unique(idx[where]))


def _count(reasons: pa.ChunkedArray, reason: str) -> int:
    return int(pc.sum(pc.equal(reasons, reason)).as_py() or 0)
