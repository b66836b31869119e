"""Encodes 8-bit grey images as PNG (https://www.w3.org/TR/png-3/).

Every row of an image has the same filter: None (0), Average (3) or Paeth (4), whichever leaves the least entropy in
a sample of rows; so undoing the filter is one simple pass. None wins where few grey levels are in use, Average in
noise, Paeth in what was smoothed, as by JPEG. With these predictors matches of the last byte are all that deflate
needs: longer searches are what makes other encoders slow, and save next to nothing.

An image of ``_BANDED`` pixels or more is deflated in four bands of rows, each an IDAT chunk that ends with an empty
stored block: any reader sees one zlib stream, and ``decoder`` inflates the four side by side.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from cytoimagenet_reader.png.chunks import SIGNATURE, write_chunk
from cytoimagenet_reader.png.deflate import deflate
from cytoimagenet_reader.png.filters import average_rows, filter_counts, paeth_rows, unfiltered_rows

U8 = npt.NDArray[np.uint8]

_ZLIB_HEADER: Final = b"\x78\x01"  # deflate, a window of 32 KiB, fastest (RFC 1950)
_BANDS: Final = 4
_BANDED: Final = 1 << 15  # below, the bands' headers would be felt
_SAMPLED_ROWS: Final = 48
_AVERAGE_FAVOUR: Final = 64  # Average may cost a part in so many more than Paeth: readers undo it in half the time
_LOG2_64THS: Final = np.array([(i**64).bit_length() - 1 - 8 * 64 for i in range(256, 512)], np.int64)


def encode(pixels: U8) -> bytes:
    """Return an image as an 8-bit grey PNG.

    ``pixels`` is uint8 (H, W), both at least 1.
    """
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"an image is uint8 (H, W), not {pixels.dtype} {pixels.shape}")
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    rows = _FILTERS[_best_filter(pixels)](pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), *((b"IDAT", data) for data in _bands(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(write_chunk(kind, content) for kind, content in chunks)


def _bands(rows: U8) -> list[bytes]:
    """Return the rows' zlib stream, one piece per band.

    ``rows`` is uint8 (H, 1 + W).
    """
    height, stride = rows.shape
    count = _BANDS if height >= _BANDS and rows.size >= _BANDED else 1
    bounds = [height * band // count * stride for band in range(count + 1)]
    flat = rows.reshape(-1)
    pieces = [deflate(flat, bounds[band], bounds[band + 1], band == count - 1) for band in range(count)]
    pieces[0] = _ZLIB_HEADER + pieces[0]
    pieces[-1] += struct.pack(">I", zlib_ng.adler32(flat))
    return pieces


_FILTERS: Final = {4: paeth_rows, 3: average_rows, 0: unfiltered_rows}


def _best_filter(pixels: U8) -> int:
    """Return the filter with the least entropy over sampled rows.

    The rows are spread evenly; Average is favoured over Paeth.
    """
    height = pixels.shape[0]
    step = max(1, height // _SAMPLED_ROWS)
    none, average, paeth = (_entropy(counts) for counts in filter_counts(pixels, step // 2, step))
    if none < min(average, paeth):
        return 0
    return 3 if average <= paeth + paeth // _AVERAGE_FAVOUR else 4


def _entropy(counts: npt.NDArray[np.int64]) -> int:
    """Return the total entropy in 64ths of a bit."""
    return int(_times_log2(counts.sum(keepdims=True)) - _times_log2(counts[counts > 0]))


def _times_log2(counts: npt.NDArray[np.int64]) -> int:
    """Return the sum of ``count * log2(count)`` in 64ths.

    Only integers are used, so that every machine rounds alike.
    """
    mantissas, exponents = np.frexp(counts)  # exact: count = mantissa * 2**exponent, mantissa in [0.5, 1)
    nearest = (mantissas * 512).astype(np.int64) - 256
    return int((counts * (64 * (exponents.astype(np.int64) - 1) + _LOG2_64THS[nearest])).sum())
