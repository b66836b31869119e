"""Locally normalised thumbnails for comparing images.

They say what an image looks like, whatever its exposure, focus, bit depth or size. The image is averaged over a grid of
32 x 32 blocks. From each block the Gaussian-weighted mean of its surroundings is taken away, the difference is divided
by the local deviation, and blocks are averaged two by two. Subtracting the mean and dividing by the deviation of the
surroundings is divisive normalisation (Jarrett et al., ICCV 2009, "What is the best multi-stage architecture for object
recognition?", section 3.1). All sums are of whole numbers, so the result is the same on every machine.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from builder.pixels import kernels
from builder.pixels.resize import covered

U8 = npt.NDArray[np.uint8]
I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]

SIDE: Final = 16
"""Blocks along each side of a thumbnail."""

_GRID: Final = 2 * SIDE
_SIGMA: Final = 6.4  # blocks of the grid
_SCALE: Final = 64  # of block means, so that they are whole numbers
_LARGE: Final = 8 * _GRID  # pixels of a side
_FLAT: Final = (_SCALE // 2) ** 2  # added to the local variance: half a grey level is no structure
_DEVIATION: Final = 32  # value of a block that is one local deviation above its surroundings

_OFFSETS = np.arange(_GRID)[:, None] - np.arange(_GRID)
_WEIGHTS: Final[I64] = np.rint(1024 * np.exp(-(_OFFSETS**2) / (2 * _SIGMA**2))).astype(np.int64)
_TOTALS: Final[I64] = _WEIGHTS.sum(axis=1)[:, None] * _WEIGHTS.sum(axis=1)


def thumbnail(pixels: U8) -> I8:
    """Return the thumbnail of an image.

    Parameters
    ----------
    pixels : uint8 (H, W), a standardised whole image of any size

    Returns
    -------
    int8 (16, 16): 32 is one local deviation above the surroundings; 0 everywhere for an image without structure
    """
    blocks = block_means(pixels, _GRID, _SCALE)
    differences = np.rint(blocks - _blurred(blocks)).astype(np.int64)
    even = differences / np.sqrt(_blurred(differences * differences) + _FLAT)
    rows = even[0::2] + even[1::2]
    quarters = (rows[:, 0::2] + rows[:, 1::2]) / 4
    return np.clip(np.rint(quarters * _DEVIATION), -127, 127).astype(np.int8)


def block_means(pixels: U8, count: int, scale: int) -> I64:
    """Return block means times ``scale``, rounded down.

    There are ``count`` x ``count`` blocks; flipping the image flips them. Small images are cut at parts of pixels, so
    that the grid leaves no trace in what looks alike; large ones between pixels, at bounds that are the same from both
    ends.
    """
    if min(pixels.shape) >= _LARGE:
        rows, columns = (_bounds(side, count) for side in pixels.shape)
        sums = kernels.block_sums(pixels, rows, columns)
        return sums * scale // (np.diff(rows)[:, None] * np.diff(columns))  # type: ignore[no-any-return]
    repeats = [-(-count // side) for side in pixels.shape]
    values = np.repeat(np.repeat(pixels.astype(np.int64), repeats[0], axis=0), repeats[1], axis=1)
    sums = covered(covered(values, count).T, count).T  # times count * count
    means: I64 = sums * scale // values.size
    return means


def _bounds(side: int, count: int) -> I64:
    first = np.arange(count // 2, dtype=np.int64) * side // count
    return np.concatenate([first, [side // 2], side - first[::-1]])


def _blurred(values: I64) -> npt.NDArray[np.float64]:
    """Return Gaussian-weighted means; weights outside the grid do not count."""
    return (_WEIGHTS @ values @ _WEIGHTS) / _TOTALS
