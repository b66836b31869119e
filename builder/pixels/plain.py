"""The passes over pixels in numpy: what each computes is defined here, and ``compiled`` does the same faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.pixels.plain_deflate import deflate

__all__ = ["deflate"]

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_BLOCK = 1 << 16  # pixels; a block's floats stay in the second-level cache


def histogram(plane: npt.NDArray[Any], levels: int) -> I64:
    """Return how often each level occurs in an unsigned plane (H, W), all below ``levels``: int64 (levels,)."""
    flat = plane.ravel()
    counts = np.zeros(levels, np.int64)
    for start in range(0, flat.size, _BLOCK):  # bincount makes an int64 copy of what it counts
        counts += np.bincount(flat[start : start + _BLOCK], minlength=levels)
    return counts


def levels_at(counts: I64, ranks: I64) -> I64:
    """Return the level of each order statistic (rank from 0) of a distribution given as counts."""
    return np.searchsorted(np.cumsum(counts), ranks, side="right")


def sum_colours(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return red + green + blue of uint8 or uint16 (H, W, 3 or 4): uint16 or uint32 (H, W)."""
    wide = np.uint16 if colours.dtype == np.uint8 else np.uint32
    out: npt.NDArray[Any] = colours[..., 0].astype(wide)
    out += colours[..., 1]
    out += colours[..., 2]
    return out


def merge(
    indices: Sequence[npt.NDArray[Any]], tables: Sequence[F64], y_min: int, y_max: int, x_min: int, x_max: int
) -> F64:
    """Return the average over channels of ``table[index]`` in a window, summed in their order: float64 (h, w).

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
    """Return [0, 1] as 8-bit grey levels: times 255, rounded half to even."""
    scaled = merged * 255
    np.rint(scaled, out=scaled)
    return scaled.astype(np.uint8)


def rescale(merged: F64, low: float, high: float) -> U8:
    """Return ``merged`` clipped to [low, high], scaled to [0, 1] and quantised; needs low < high."""
    scaled = np.clip(merged, low, high)
    scaled -= low
    scaled /= high - low
    return quantize(scaled)


def order_statistics(merged: F64, ranks: I64) -> F64:
    """Return the values of the given ranks (from 0) among all of ``merged``, each in [0, 1]: float64 (ranks,)."""
    out: F64 = np.partition(merged.ravel(), np.unique(ranks))[ranks]
    return out


def laplacian_sums(pixels: U8) -> tuple[int, int]:
    """Return the sum, and the sum of squares, of the 4-neighbour Laplacian at every pixel that has four neighbours."""
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
    """Return the sums of blocks, int64 (rows - 1, columns - 1), given their bounds; an empty one is its first pixel."""
    down = np.add.reduceat(pixels, rows[:-1], axis=0, dtype=np.int64)
    out: I64 = np.add.reduceat(down, columns[:-1], axis=1)
    return out


def average_rows(pixels: U8) -> U8:
    """Return uint8 (H, 1 + W): 3 and each pixel less the mean, rounded down, of its left and upper neighbours."""
    left, up, _, out = _neighbours(pixels, 3)
    # (a + b) >> 1 without a wider type: the bits both have, and half of the bits one has
    np.subtract(pixels, (left & up) + ((left ^ up) >> 1), out=out[:, 1:])
    return out


def paeth_rows(pixels: U8) -> U8:
    """Return uint8 (H, 1 + W): 4 and each pixel less the Paeth predictor of its neighbours (PNG, section 9.4)."""
    left, up, corner, out = _neighbours(pixels, 4)
    across = up.astype(np.int16) - corner
    down = left.astype(np.int16) - corner
    to_corner = np.abs(across + down)
    to_left, to_up = np.abs(across, out=across), np.abs(down, out=down)
    guess = np.where(to_up <= to_corner, up, corner)
    np.copyto(guess, left, where=(to_left <= to_up) & (to_left <= to_corner))
    np.subtract(pixels, guess, out=out[:, 1:])
    return out


def filter_counts(pixels: U8, first: int, step: int) -> I64:
    """Return how often each byte occurs in rows ``first``, ``first + step`` ... under None, Average and Paeth.

    Returns
    -------
    int64 (3, 256)
    """
    places = np.arange(first, pixels.shape[0], step)
    pairs = np.zeros((2 * places.size, pixels.shape[1]), np.uint8)
    pairs[0::2] = np.where(places[:, None] > 0, pixels[np.maximum(places - 1, 0)], 0)  # a filter needs the row above
    pairs[1::2] = pixels[places]
    filtered = (pairs[1::2], average_rows(pairs)[1::2, 1:], paeth_rows(pairs)[1::2, 1:])
    return np.stack([np.bincount(rows.ravel(), minlength=256) for rows in filtered])


def _neighbours(pixels: U8, kind: int) -> tuple[U8, U8, U8, U8]:
    """Return the left, upper and upper left neighbours (0 outside), and where the filtered rows go."""
    height, width = pixels.shape
    framed = np.zeros((height + 1, width + 1), np.uint8)
    framed[1:, 1:] = pixels
    out = np.empty((height, width + 1), np.uint8)
    out[:, 0] = kind
    return framed[1:, :-1], framed[:-1, 1:], framed[:-1, :-1], out
