"""Encoding 8-bit grey pictures as PNG (https://www.w3.org/TR/png-3/).

Every row of a picture has the same filter: None (0), Average (3) or Paeth (4), whichever leaves the least entropy in
a sample of rows; so un-filtering a picture is one simple pass. The rows are deflated by zlib-ng with the run-length
strategy (``Z_RLE``: only repeats of the last byte, then Huffman codes), the window of 32 KiB, in one IDAT chunk. With
these predictors longer matches save next to nothing, and searching for them is what makes other encoders slow.
None wins where few grey levels are in use, Average in noise, Paeth elsewhere.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from builder.pixels.kernels import passes

U8 = npt.NDArray[np.uint8]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
_SAMPLED_ROWS: Final = 48
_MEMORY_LEVEL: Final = 9  # the most symbols a Huffman code: 32,768; fewer cost more bytes in headers than they save
_LOG2_64THS: Final = np.array([(i**64).bit_length() - 1 - 8 * 64 for i in range(256, 512)], np.int64)


def encode(pixels: U8) -> bytes:
    """Return a picture, uint8 (H, W) with both at least 1, as the bytes of an 8-bit grey PNG."""
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"a picture is uint8 (H, W), not {pixels.dtype} {pixels.shape}")
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    deflate = zlib_ng.compressobj(1, zlib_ng.DEFLATED, 15, _MEMORY_LEVEL, zlib_ng.Z_RLE)
    data = deflate.compress(_FILTERS[_best_filter(pixels)](pixels)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", data), _END))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join(
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib_ng.crc32(data, zlib_ng.crc32(kind))))
    )


def _none_rows(pixels: U8) -> U8:
    """Return uint8 (H, 1 + W): 0 and each pixel."""
    out = np.empty((pixels.shape[0], pixels.shape[1] + 1), np.uint8)
    out[:, 0] = 0
    out[:, 1:] = pixels
    return out


_FILTERS: Final = {4: passes.paeth_rows, 3: passes.average_rows, 0: _none_rows}


def _best_filter(pixels: U8) -> int:
    """Return the filter whose output has the least entropy over rows spread evenly; Paeth when equal."""
    height = pixels.shape[0]
    step = max(1, height // _SAMPLED_ROWS)
    counts = passes.filter_counts(pixels, step // 2, step)
    scores = {4: counts[2], 3: counts[1], 0: counts[0]}
    return max(scores, key=lambda kind: _negative_entropy(scores[kind]))


def _negative_entropy(counts: npt.NDArray[np.int64]) -> int:
    """Return the sum of ``count * log2(count)`` in 64ths, in whole numbers only: no machine rounds it another way."""
    used = counts[counts > 0]
    mantissas, exponents = np.frexp(used)  # exact: used = mantissa * 2**exponent, mantissa in [0.5, 1)
    nearest = (mantissas * 512).astype(np.int64) - 256
    return int((used * (64 * (exponents.astype(np.int64) - 1) + _LOG2_64THS[nearest])).sum())
