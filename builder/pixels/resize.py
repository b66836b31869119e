"""Image reduction by exact area averages (box filter).

In whole numbers, so the same on every machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]


def reduce(pixels: U8, size: int) -> U8:
    """Reduce an image to ``size`` pixels on its longer side.

    A smaller one, or any with ``size`` 0, is returned as it is. Each output pixel is the mean of the rectangle that it
    covers, pixels at its edges counted by the share of them inside, rounded half up: an antialiased reduction without
    any rounding before the last. The shorter side keeps the ratio, rounded half up, at least 1.

    Parameters
    ----------
    pixels : uint8 (H, W)
    size : pixels
    """
    height, width = pixels.shape
    longer = max(height, width)
    if size == 0 or longer <= size:
        return pixels
    rows, columns = (max(1, (2 * side * size + longer) // (2 * longer)) for side in (height, width))
    sums = covered(covered(pixels.astype(np.int64), rows).T, columns).T  # times rows * columns
    area = height * width
    out: U8 = ((2 * sums + area) // (2 * area)).astype(np.uint8)
    return out


def covered(values: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Return ``count`` times the sums over equal parts.

    The first axis is divided into ``count`` parts, no more than its pixels.
    """
    side = values.shape[0]
    whole, part = np.divmod(np.arange(count + 1, dtype=np.int64) * side, count)
    sums = np.add.reduceat(values, whole[:-1], axis=0) * count
    edges = values[np.minimum(whole, side - 1)] * part[:, None]  # the last bound has no part of a pixel after it
    out: npt.NDArray[np.int64] = sums + np.diff(edges, axis=0)
    return out
