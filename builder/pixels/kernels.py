"""Loops over pixels, compiled by numba.

Sums of whole numbers are exact in any order; floats go through the operations in the order in which they are written
(no fast-math, no fused multiply-add), so that every machine gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_BUCKETS = 4096


@jit
def histogram(plane: npt.NDArray[Any], levels: int) -> I64:
    """Count each level in an unsigned plane.

    The plane is (H, W), all below ``levels``; the counts are int64 (levels,). Four tables, so that runs of one level do
    not wait for their own last store.
    """
    counts = np.zeros((4, levels), np.uint32)
    flat = plane.ravel()
    whole = flat.size // 4 * 4
    for i in range(0, whole, 4):
        counts[0, flat[i]] += np.uint32(1)
        counts[1, flat[i + 1]] += np.uint32(1)
        counts[2, flat[i + 2]] += np.uint32(1)
        counts[3, flat[i + 3]] += np.uint32(1)
    for i in range(whole, flat.size):
        counts[0, flat[i]] += np.uint32(1)
    out = np.empty(levels, np.int64)
    for level in range(levels):
        out[level] = np.int64(counts[0, level]) + counts[1, level] + counts[2, level] + counts[3, level]
    return out


@jit
def levels_at(counts: I64, ranks: I64) -> I64:
    """Return the level of each order statistic, from counts.

    Ranks count from 0.
    """
    out = np.empty(ranks.size, np.int64)
    level = 0
    below = np.int64(0)
    for k in range(ranks.size):
        if ranks[k] < below:
            level, below = 0, np.int64(0)
        while below + counts[level] <= ranks[k]:
            below += counts[level]
            level += 1
        out[k] = level
    return out


@jit
def _sum_colours(colours: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            out[y, x] = np.uint32(colours[y, x, 0]) + np.uint32(colours[y, x, 1]) + np.uint32(colours[y, x, 2])


def sum_colours(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return red + green + blue of each pixel.

    uint8 or uint16 (H, W, 3 or 4) gives uint16 or uint32 (H, W).
    """
    out = np.empty(colours.shape[:2], np.uint16 if colours.dtype == np.uint8 else np.uint32)
    _sum_colours(colours, out)
    return out


@jit
def _merge_row(indices: Any, tables: Any, y: int, first: int, out: F64) -> None:
    """Write the average of one row from column ``first``.

    Three channels a pass, then two, then one, in order.
    """
    count = len(indices)
    out[:] = 0
    for k in range(0, count - 2, 3):
        row0, row1, row2 = indices[k][y, first:], indices[k + 1][y, first:], indices[k + 2][y, first:]
        table0, table1, table2 = tables[k], tables[k + 1], tables[k + 2]
        for x in range(out.size):
            out[x] = out[x] + table0[row0[x]] + table1[row1[x]] + table2[row2[x]]
    for k in range(count // 3 * 3, count - 1, 2):
        row0, row1 = indices[k][y, first:], indices[k + 1][y, first:]
        table0, table1 = tables[k], tables[k + 1]
        for x in range(out.size):
            out[x] = out[x] + table0[row0[x]] + table1[row1[x]]
    for k in range(count - (count % 3 == 1), count):
        row0, table0 = indices[k][y, first:], tables[k]
        for x in range(out.size):
            out[x] = out[x] + table0[row0[x]]
    for x in range(out.size):
        out[x] /= count


@jit
def merge(indices: Any, tables: Any, y_min: int, y_max: int, x_min: int, x_max: int) -> F64:
    """Average ``table[index]`` over the channels in a window.

    Channels are summed in their order; the result is float64 (h, w).

    Parameters
    ----------
    indices : one unsigned (H, W) a channel
    tables : one float64 (levels,) a channel, longer than its largest index
    """
    out = np.empty((y_max - y_min, x_max - x_min), np.float64)
    for y in range(y_min, y_max):
        _merge_row(indices, tables, y, x_min, out[y - y_min])
    return out


@jit
def merge_quantized(indices: Any, tables: Any) -> U8:
    """Return ``quantize(merge(...))`` of the whole image, uint8 (H, W).

    the float image never exists.
    """
    height, width = indices[0].shape
    row = np.empty(width, np.float64)
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        _merge_row(indices, tables, y, 0, row)
        for x in range(width):
            out[y, x] = np.uint8(np.rint(row[x] * 255.0))
    return out


@jit
def quantize(merged: F64) -> U8:
    """Convert [0, 1] to 8-bit grey levels.

    Values are multiplied by 255 and rounded half to even.
    """
    out = np.empty(merged.shape, np.uint8)
    for y in range(merged.shape[0]):
        for x in range(merged.shape[1]):
            out[y, x] = np.uint8(np.rint(merged[y, x] * 255.0))
    return out


@jit
def rescale(merged: F64, low: float, high: float) -> U8:
    """Clip to [low, high], scale to [0, 1], and quantise.

    Needs low < high.
    """
    out = np.empty(merged.shape, np.uint8)
    span = high - low
    for y in range(merged.shape[0]):
        for x in range(merged.shape[1]):
            value = min(max(merged[y, x], low), high)
            out[y, x] = np.uint8(np.rint((value - low) / span * 255.0))
    return out


@jit
def order_statistics(merged: F64, ranks: I64) -> F64:
    """Return the values of the given ranks in ``merged``.

    Ranks count from 0, values are in [0, 1]; the result is float64 (ranks,). Values are counted in buckets of [0, 1],
    only a rank's own bucket is sorted.
    """
    flat = merged.ravel()
    counts = np.zeros(_BUCKETS + 1, np.int64)
    for i in range(flat.size):
        counts[np.int64(flat[i] * _BUCKETS)] += 1
    out = np.empty(ranks.size, np.float64)
    last = -1
    before = 0
    members = np.empty(0, np.float64)
    for k in range(ranks.size):
        bucket = 0
        below = 0
        while below + counts[bucket] <= ranks[k]:
            below += counts[bucket]
            bucket += 1
        if bucket != last:
            members = np.empty(counts[bucket], np.float64)
            found = 0
            for i in range(flat.size):
                if np.int64(flat[i] * _BUCKETS) == bucket:
                    members[found] = flat[i]
                    found += 1
            members.sort()
            last, before = bucket, below
        out[k] = members[ranks[k] - before]
    return out


@jit
def laplacian_sums(pixels: U8) -> tuple[int, int]:
    """Return the Laplacian's sum and sum of squares.

    It is the 4-neighbour one, at every pixel that has four neighbours.
    """
    first = np.int64(0)
    second = np.int64(0)
    for y in range(1, pixels.shape[0] - 1):
        row_first = np.int32(0)
        row_second = np.int64(0)
        for x in range(1, pixels.shape[1] - 1):
            around = np.int32(pixels[y - 1, x]) + np.int32(pixels[y + 1, x])
            around += np.int32(pixels[y, x - 1]) + np.int32(pixels[y, x + 1])
            value = np.int32(around - np.int32(4) * np.int32(pixels[y, x]))
            row_first += value
            row_second += np.int64(np.int32(value * value))
        first += row_first
        second += row_second
    return first, second


@jit
def block_sums(pixels: U8, rows: I64, columns: I64) -> I64:
    """Return the sums of blocks, given their bounds.

    int64 (rows - 1, columns - 1); an empty block gives its first pixel.
    """
    out = np.zeros((rows.size - 1, columns.size - 1), np.int64)
    for i in range(rows.size - 1):
        for y in range(rows[i], max(rows[i + 1], rows[i] + 1)):
            for j in range(columns.size - 1):
                total = np.uint32(0)
                for x in range(columns[j], max(columns[j + 1], columns[j] + 1)):
                    total += np.uint32(pixels[y, x])
                out[i, j] += total
    return out
