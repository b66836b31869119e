"""A 64-bit perceptual hash in integer arithmetic.

So it is the same on every machine. The hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions" (2010), section 3.2.1: reduce to 32 x 32, discrete cosine transform, keep the 8 x 8 lowest frequencies, one
bit each for being above their median.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from builder.pixels import kernels

_SIDE = 32
_KEPT = 8
_DCT = np.array(
    [[round(4096 * math.cos(math.pi * k * (2 * n + 1) / (2 * _SIDE))) for n in range(_SIDE)] for k in range(_KEPT)],
    dtype=np.int64,
)


def phash(pixels: npt.NDArray[np.uint8]) -> int:
    """Return the perceptual hash of a uint8 (h, w) image.

    Bit 63 is the lowest frequency. Similar images differ in few bits.
    """
    low = _DCT @ _reduced(pixels) @ _DCT.T
    flat = low.ravel()
    ordered = np.sort(flat)
    above = 2 * flat > ordered[31] + ordered[32]  # the median of 64, times two
    return int.from_bytes(np.packbits(above).tobytes(), "big")


def _reduced(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return 256 times the means of 32 x 32 blocks.

    Rounded down; small images repeat pixels.
    """
    rows, columns = (np.arange(_SIDE + 1, dtype=np.int64) * side // _SIDE for side in pixels.shape)
    heights, widths = (np.maximum(np.diff(bounds), 1) for bounds in (rows, columns))
    out: npt.NDArray[np.int64] = kernels.block_sums(pixels, rows, columns) * 256 // (heights[:, None] * widths)
    return out
