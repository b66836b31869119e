"""A 64-bit perceptual hash, in whole numbers only, so that it is the same on every machine.

The hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1: reduce
to 32 x 32, discrete cosine transform, keep the 8 x 8 lowest frequencies, one bit each for being above their median.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

_SIDE = 32
_KEPT = 8
_DCT = np.array(
    [[round(4096 * math.cos(math.pi * k * (2 * n + 1) / (2 * _SIDE))) for n in range(_SIDE)] for k in range(_KEPT)],
    dtype=np.int64,
)


def phash(pixels: npt.NDArray[np.uint8]) -> int:
    """Return the hash of a uint8 (h, w) picture; bit 63 is the lowest frequency. Near pictures differ in few bits."""
    low = _DCT @ _reduced(pixels) @ _DCT.T
    flat = low.ravel()
    ordered = np.sort(flat)
    above = 2 * flat > ordered[31] + ordered[32]  # the median of 64, times two
    return int.from_bytes(np.packbits(above).tobytes(), "big")


def _reduced(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the means of a 32 x 32 grid of blocks, times 256, rounded down; small pictures repeat pixels."""
    rows, row_counts, sums = _blocks(pixels, 0)
    columns, column_counts, sums = _blocks(sums, 1)
    del rows, columns
    out: npt.NDArray[np.int64] = (sums * 256) // (row_counts[:, None] * column_counts[None, :])
    return out


def _blocks(values: npt.NDArray[Any], axis: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Any]:
    side = values.shape[axis]
    starts = np.arange(_SIDE + 1, dtype=np.int64) * side // _SIDE
    counts = np.maximum(np.diff(starts), 1)
    return starts[:-1], counts, np.add.reduceat(values, starts[:-1], axis=axis, dtype=np.int64)
