"""Quality control and statistics of images (method, section 5)."""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from builder.errors import RejectedError
from builder.pixels import kernels, percentiles
from builder.pixels.phash import phash
from builder.recipe import Recipe

U8 = npt.NDArray[np.uint8]

_EDGE: Final = 8  # an eighth of each side lies outside the inner part
_INNER: Final = 0.875
_NOISY: Final = 3.0  # times ``min_contrast``: from there on, what looks like noise may be a fine texture
_APART: Final = 8  # pixels
_ALIKE: Final = 1.05
_LEVELS = np.arange(256, dtype=np.float64)
_WHOLE_LEVELS: Final = np.arange(256, dtype=np.int64)


def histogram(pixels: U8) -> npt.NDArray[np.int64]:
    """Return the histogram of grey levels, int64 (256,)."""
    return kernels.histogram(pixels, 256)


def mean(counts: npt.NDArray[np.int64]) -> float:
    """Return the mean grey level, from an exact sum."""
    return sums(counts)[0] / int(counts.sum())


def sums(counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return the sums of grey levels and of their squares."""
    return int(counts @ _WHOLE_LEVELS), int(counts @ _WHOLE_LEVELS**2)


def percentile(counts: npt.NDArray[np.int64], percent: float) -> float:
    """Return a percentile of grey levels, interpolated as in numpy."""
    return percentiles.of_histogram(counts, _LEVELS, (percent,))[0]


def check_intensities(counts: npt.NDArray[np.int64]) -> None:
    """Reject a whole image that is a mask.

    Raises
    ------
    RejectedError
        "binary_mask" with at most two grey levels.
    """
    distinct = int(np.count_nonzero(counts))
    if distinct <= 2:
        raise RejectedError("binary_mask", f"{distinct} grey levels")


def is_dim(counts: npt.NDArray[np.int64], recipe: Recipe) -> bool:
    """Return whether the grey level at ``recipe.dim_percentile`` is 0."""
    return percentile(counts, recipe.dim_percentile) == 0


def dim(counts: npt.NDArray[np.int64]) -> RejectedError:
    """Return the rejection of a dim image."""
    return RejectedError("dim", f"mean {mean(counts):.3f}")


def refuse_crop(counts: npt.NDArray[np.int64], contrast: float, recipe: Recipe) -> str | None:
    """Return why a crop is not kept, or None.

    Parameters
    ----------
    counts : int64 (256,), grey levels of its window before its own normalisation
    contrast : range between the window's low and high percentile, in [0, 1]
    """
    if contrast <= 0:
        return "crop_uniform"
    average = mean(counts)
    if average <= recipe.crop_mean_above:
        return "crop_too_dark"
    if average >= recipe.crop_mean_below:
        return "crop_too_bright"
    return "crop_dim" if is_dim(counts, recipe) else None


def is_blank(pixels: U8, contrast: float, recipe: Recipe) -> bool:
    """Return whether a window shows nothing.

    Its range is below ``recipe.min_contrast``; or that of its inner part is below seven eighths of it, as where only a
    sliver of a cell or the wall of the well reaches into it; or its inner part, with a range below three times that,
    shows only noise. The numbers were chosen by looking at 3,107 windows of real images (docs/build.md).

    Parameters
    ----------
    pixels : uint8 (h, w), before the window's own normalisation
    contrast : range between the window's low and high percentile, in [0, 1]
    """
    least = recipe.min_contrast
    if contrast < least or not least:
        return contrast < least
    height, width = pixels.shape
    inner = pixels[height // _EDGE : height - height // _EDGE, width // _EDGE : width - width // _EDGE]
    low, high = percentiles.of_histogram(histogram(inner), _LEVELS, (recipe.low_percentile, recipe.high_percentile))
    inside = (high - low) / 255
    return inside < _INNER * least or (inside < _NOISY * least and _is_only_noise(inner))


def _is_only_noise(pixels: U8) -> bool:
    """Return whether pixels show only noise.

    Their lighting may be uneven. Pixels ``_APART`` from one another then differ as neighbours do, and not by more, as
    where something is shown. This is von Neumann's ratio (Annals of Mathematical Statistics 1941) at two distances;
    sums are exact.
    """
    if min(pixels.shape) <= _APART:
        return False
    near, far = (_difference(pixels.astype(np.int64), step) for step in (1, _APART))
    return far < _ALIKE * near


def _difference(values: npt.NDArray[np.int64], step: int) -> float:
    """Return the mean square difference at a step.

    Along rows plus along columns.
    """
    across, down = values[:, step:] - values[:, :-step], values[step:] - values[:-step]
    return int((across * across).sum()) / across.size + int((down * down).sum()) / down.size


def sharpness(pixels: U8) -> float | None:
    """Return the normalised variance of the Laplacian, or None.

    The 4-neighbour Laplacian, over the squared mean; None where it has no meaning. Variance of the Laplacian:
    Pech-Pacheco et al., ICPR 2000, "Diatom autofocusing in brightfield microscopy"; over the squared mean it does not
    change with brightness. All sums are of whole numbers, hence exact.
    """
    total = int(pixels.sum(dtype=np.int64))
    if min(pixels.shape) < 3 or total == 0:
        return None
    count = (pixels.shape[0] - 2) * (pixels.shape[1] - 2)
    first, second = kernels.laplacian_sums(pixels)
    variance = (count * second - first * first) / count**2
    return float(variance / (total / pixels.size) ** 2)


def digest(pixels: U8) -> bytes:
    """Return the sha256 of an image's size and pixels.

    Height, width (little-endian uint32) and the rows: equal for equal images only.
    """
    height, width = pixels.shape
    return hashlib.sha256(struct.pack("<II", height, width) + np.ascontiguousarray(pixels).tobytes()).digest()


def statistics(pixels: U8, counts: npt.NDArray[np.int64], recipe: Recipe) -> dict[str, Any]:
    """Return the columns of ``schema.STATISTICS`` and ``schema.SUMS``.

    Parameters
    ----------
    pixels : uint8 (h, w), the finished image: gives all but mean and p75
    counts : int64 (256,), grey levels before a crop's own normalisation (of ``pixels`` for a whole image): mean, p75
    """
    height, width = pixels.shape
    finished = histogram(pixels)
    total, squares = sums(finished)
    return {
        "height": height,
        "width": width,
        "mean": mean(counts),
        "p75": percentile(counts, recipe.dim_percentile),
        "distinct": int(np.count_nonzero(finished)),
        "sharpness": sharpness(pixels),
        "pixels_sha256": digest(pixels),
        "phash": phash(pixels),
        "pixel_sum": total,
        "pixel_square_sum": squares,
    }


def refused_statistics(shape: tuple[int, ...], counts: npt.NDArray[np.int64], recipe: Recipe) -> dict[str, Any]:
    """Return the statistics columns of a crop not kept.

    What its window says; the rest is null.
    """
    return {
        "height": shape[0],
        "width": shape[1],
        "mean": mean(counts),
        "p75": percentile(counts, recipe.dim_percentile),
        "distinct": int(np.count_nonzero(counts)),
        "sharpness": None,
        "pixels_sha256": None,
        "phash": None,
        "pixel_sum": None,
        "pixel_square_sum": None,
    }
