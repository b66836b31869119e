"""Processing of one image after reading.

Yields its candidates, with their windows, statistics and refusals.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.draw import Draw
from builder.pixels import crop, kernels, normalize, percentiles, quality
from builder.pixels.fingerprint import fingerprint
from builder.recipe import Recipe

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]

_DIM_WINDOWS = 16
"""Windows that are judged before an image is dim: every quadrant at every scale, were they dealt evenly."""


class Whole(NamedTuple):
    """Facts about a standardised whole image before cropping."""

    sha256: str  # as in `builder.pixels.fingerprint`, like the thumbnail
    thumbnail: bytes
    dim: bool  # its grey level at ``recipe.dim_percentile`` is 0


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """Image that may enter the package, or a refusal.

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
    contrast: float  # range between the low and the high percentile before the crop's own normalisation, in [0, 1]
    pixels: U8 | None  # (h, w)
    statistics: dict[str, Any]  # schema.STATISTICS and schema.SUMS
    reason: str | None
    detail: str | None
    whole: Whole
    redrawn: int = 0  # how often its window was drawn again because it was blank


def candidates(channels: Sequence[npt.NDArray[Any]], crops: int, draw: Draw, recipe: Recipe) -> list[Candidate]:
    """Standardise, check and crop one image.

    Follows the method, sections 3 to 5.

    Parameters
    ----------
    channels : the readable channels, each (H, W) or (H, W, 3 or 4), any bool, integer or float type
    crops : how many crops are wanted; 0 keeps the image whole
    draw : the image's own draw, from (seed, idx)

    Returns
    -------
    The crops in drawn order, kept and refused, when at least one is kept; otherwise the whole image, then the refused.

    Raises
    ------
    RejectedError
        For the whole image: "unreadable" (no channel), "mismatched", "uniform", "binary_mask", "dim". With
        ``recipe.dim_by_windows`` an image is dim only where none of its windows passes.
    """
    image = normalize.Merged(channels, recipe.low_percentile, recipe.high_percentile)
    whole = image.quantized()
    counts = quality.histogram(whole)
    quality.check_intensities(counts)
    is_dim = quality.is_dim(counts, recipe)
    whole_image = Whole(*fingerprint(whole), is_dim)
    if is_dim and not recipe.dim_by_windows:
        raise quality.dim(counts)
    windows = enumerate(crop.windows(image.height, image.width, draw, recipe))
    out = [
        _cropped(number, place, image, draw, recipe, whole_image) for number, place in itertools.islice(windows, crops)
    ]
    if any(candidate.reason is None for candidate in out):
        return out
    if is_dim:
        passing = _further(windows, _DIM_WINDOWS - len(out), image, draw, recipe, whole_image)
        if passing is None:
            raise quality.dim(counts)
        if crops:
            return [*out, passing]
    contrast = _levels(image.window(slice(0, image.height), slice(0, image.width)), recipe)[2]
    facts = quality.statistics(whole, counts, recipe)
    return [Candidate(-1, False, 1.0, None, None, None, None, contrast, whole, facts, None, None, whole_image), *out]


def _further(
    windows: Iterator[tuple[int, crop.Crop]],
    most: int,
    image: normalize.Merged,
    draw: Draw,
    recipe: Recipe,
    whole: Whole,
) -> Candidate | None:
    """Return the first kept crop of the next windows.

    None where none of the next ``most`` windows gives one.
    """
    further = itertools.islice(windows, max(most, 0))
    made = (_cropped(number, place, image, draw, recipe, whole) for number, place in further)
    return next((candidate for candidate in made if candidate.reason is None), None)


def _cropped(
    number: int, place: crop.Crop, image: normalize.Merged, draw: Draw, recipe: Recipe, whole: Whole
) -> Candidate:
    """Return the crop at a window.

    A blank window is drawn again inside its quadrant, a few times.
    """
    first = _judged(number, place, image, recipe, whole)
    if first.reason != "crop_blank":
        return first
    for again in range(recipe.blank_redraws):
        other = crop.redrawn(place, image.height, image.width, draw.branch("redraw", number, again))
        found = _judged(number, other, image, recipe, whole)
        if found.reason is None:
            return dataclasses.replace(found, redrawn=again + 1)
    return dataclasses.replace(first, redrawn=recipe.blank_redraws)


def _judged(number: int, place: crop.Crop, image: normalize.Merged, recipe: Recipe, whole: Whole) -> Candidate:
    """Cut, judge and normalise one crop.

    It is cut from the merged image before that is quantised.
    """
    merged = image.window(*place.window)
    quantized = kernels.quantize(merged)
    counts = quality.histogram(quantized)
    low, high, contrast = _levels(merged, recipe)
    blank = quality.is_blank(quantized, contrast, recipe)
    reason = "crop_blank" if blank else quality.refuse_crop(counts, contrast, recipe)
    if reason is None:
        pixels = kernels.rescale(merged, low, high)
        facts = quality.statistics(pixels, counts, recipe)
        if facts["distinct"] > 2:
            return Candidate(number, True, *place, contrast, pixels, facts, None, None, whole)
        reason = "crop_binary"  # blank background, a single grey level blown up to white
    facts = quality.refused_statistics(merged.shape, counts, recipe)
    detail = f"mean {facts['mean']:.3f}, p75 {facts['p75']:g}, contrast {contrast:.3f}"
    return Candidate(number, True, *place, contrast, None, facts, reason, detail, whole)


def _levels(merged: F64, recipe: Recipe) -> tuple[float, float, float]:
    """Return the low and high percentiles and their difference.

    Values are in [0, 1]; the difference is the contrast.
    """
    low, high = percentiles.of_merged(merged, (recipe.low_percentile, recipe.high_percentile))
    return low, high, high - low
