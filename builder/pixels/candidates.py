"""Everything that is done to one image after reading: its images, their windows, statistics and refusals."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.draw import Draw
from builder.pixels import crop, kernels, normalize, percentiles, quality
from builder.pixels.fingerprint import Fingerprint, fingerprint
from builder.recipe import Recipe

U8 = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """An image that may enter the package, or the refusal of one.

    ``candidate`` is -1 for the whole image, else the crop's place in drawn order. A whole image has ``scaling`` 1 and
    no window; a refused crop has a ``reason`` and no ``pixels``.
    """

    candidate: int
    crop: bool
    scaling: float
    x_min: int | None
    x_max: int | None
    y_min: int | None
    y_max: int | None
    pixels: U8 | None  # (h, w)
    statistics: dict[str, Any]  # schema.STATISTICS
    reason: str | None
    detail: str | None
    whole: Fingerprint  # of its whole image


def candidates(channels: Sequence[npt.NDArray[Any]], crops: int, draw: Draw, recipe: Recipe) -> list[Candidate]:
    """Standardise, check and crop one image (method, sections 3 to 5).

    Parameters
    ----------
    channels : the readable channels, each (H, W) or (H, W, 3 or 4), any bool, integer or float type
    crops : how many crops are wanted
    draw : the image's own draw, from (seed, idx)

    Returns
    -------
    The crops in drawn order, kept and refused, when at least one is kept; otherwise the whole image, then the refused.

    Raises
    ------
    RejectedError
        For the whole image: "unreadable" (no channel), "mismatched", "uniform", "binary_mask", "dim".
    """
    merged = normalize.Merged(channels, recipe.low_percentile, recipe.high_percentile)
    whole = merged.quantized()
    counts = quality.histogram(whole)
    quality.check_whole(counts, recipe)
    whole_image = fingerprint(whole)
    windows = crop.crops(merged.height, merged.width, crops, draw, recipe)
    out = [_cropped(number, place, merged, recipe, whole_image) for number, place in enumerate(windows)]
    if any(candidate.reason is None for candidate in out):
        return out
    facts = quality.statistics(whole, counts, recipe)
    return [Candidate(-1, False, 1.0, None, None, None, None, whole, facts, None, None, whole_image), *out]


def _cropped(number: int, place: crop.Crop, image: normalize.Merged, recipe: Recipe, whole: Fingerprint) -> Candidate:
    """Cut one crop from the merged image before it is quantised, judge it, and normalise it again."""
    merged = image.window(*place.window)
    counts = quality.histogram(kernels.quantize(merged))
    reason = quality.refuse_crop(counts, recipe)
    if reason is None:
        low, high = percentiles.of_merged(merged, (recipe.low_percentile, recipe.high_percentile))
        if low < high:
            pixels = kernels.rescale(merged, low, high)
            facts = quality.statistics(pixels, counts, recipe)
            if facts["distinct"] > 2:
                return Candidate(number, True, *place, pixels, facts, None, None, whole)
            reason = "crop_binary"  # blank background, a single grey level blown up to white
        else:
            reason = "crop_uniform"
    facts = quality.refused_statistics(merged.shape, counts, recipe)
    detail = f"mean {facts['mean']:.3f}, p75 {facts['p75']:g}"
    return Candidate(number, True, *place, None, facts, reason, detail, whole)
