"""The loops of ``builder.pixels.kernels`` in numpy: their reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_BLOCK = 1 << 16  # pixels; a block's floats stay in the second-level cache


def histogram(plane: npt.NDArray[Any], levels: int) -> I64:
    """Return int64 (levels,): how often each level occurs.

    ``plane`` is unsigned (H, W), with all values below ``levels``.
    """
    flat = plane.ravel()
    counts = np.zeros(levels, np.int64)
    for start in range(0, flat.size, _BLOCK):  # bincount makes an int64 copy of what it counts
        counts += np.bincount(flat[start : start + _BLOCK], minlength=levels)
    return counts


def levels_at(counts: I64, ranks: I64) -> I64:
    """Return the level of each order statistic (rank from 0).

    The distribution is given as counts.
    """
    return np.searchsorted(np.cumsum(counts), ranks, side="right")


def sum_colours(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return red + green + blue.

    uint8 or uint16 (H, W, 3 or 4) becomes uint16 or uint32 (H, W).
    """
    wide = np.uint16 if colours.dtype == np.uint8 else np.uint32
    out: npt.NDArray[Any] = colours[..., 0].astype(wide)
    out += colours[..., 1]
    out += colours[..., 2]
    return out


def merge(
    indices: Sequence[npt.NDArray[Any]], tables: Sequence[F64], y_min: int, y_max: int, x_min: int, x_max: int
) -> F64:
    """Return the channels' average of ``table[index]`` in a window.

    They are summed in their order: float64 (h, w).

    Parameters
    ----------
    indices : one unsigned (H, W) a channel
    tables : one float64 (levels,) a channel, longer than its largest index
    """
    out = np.take(tables[0], indices[0][y_min:y_max, x_min:x_max])
    for plane, table in zip(indices[1:], tables[1:], strict=True):
        out += np.take(table, plane[y_min:y_max, x_min:x_max])
    out /= len(indices)
    return out


def merge_quantized(indices: Sequence[npt.NDArray[Any]], tables: Sequence[F64]) -> U8:
    """Return ``quantize(merge(...))`` of the whole image, uint8 (H, W)."""
    height, width = indices[0].shape
    out = np.empty((height, width), np.uint8)
    step = max(1, _BLOCK // width)
    for y in range(0, height, step):
        end = min(y + step, height)
        out[y:end] = quantize(merge(indices, tables, y, end, 0, width))
    return out


def quantize(merged: F64) -> U8:
    """Return [0, 1] as 8-bit grey levels.

    Times 255, rounded half to even.
    """
    scaled = merged * 255
    np.rint(scaled, out=scaled)
    return scaled.astype(np.uint8)


def rescale(merged: F64, low: float, high: float) -> U8:
    """Return ``merged`` clipped to [low, high], scaled and quantised.

    It is scaled to [0, 1]; needs low < high.
    """
    scaled = np.clip(merged, low, high)
    scaled -= low
    scaled /= high - low
    return quantize(scaled)


def order_statistics(merged: F64, ranks: I64) -> F64:
    """Return the values of the given ranks (from 0).

    float64 (ranks,), among all of ``merged``, whose values are in [0, 1].
    """
    out: F64 = np.partition(merged.ravel(), np.unique(ranks))[ranks]
    return out


def laplacian_sums(pixels: U8) -> tuple[int, int]:
    """Return the sum and squared sum of the 4-neighbour Laplacian.

    At every pixel that has four neighbours.
    """
    first = second = 0
    step = max(1, _BLOCK // pixels.shape[1])
    for y in range(0, pixels.shape[0] - 2, step):
        wide = pixels[y : y + step + 2].astype(np.int32)
        values = wide[:-2, 1:-1] + wide[2:, 1:-1]
        values += wide[1:-1, :-2]
        values += wide[1:-1, 2:]
        values -= 4 * wide[1:-1, 1:-1]
        first += int(values.sum(dtype=np.int64))
        second += int(np.square(values).sum(dtype=np.int64))
    return first, second


def block_sums(pixels: U8, rows: I64, columns: I64) -> I64:
    """Return the sums of blocks with given bounds.

    int64 (rows - 1, columns - 1); the sum of an empty one is its first pixel.
    """
    down = np.add.reduceat(pixels, rows[:-1], axis=0, dtype=np.int64)
    out: I64 = np.add.reduceat(down, columns[:-1], axis=1)
    return out
