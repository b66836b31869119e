"""Bitmaps without a file header (``.DIB`` of Cellomics ArrayScan, bbbc017), 8 or 16 bits a pixel.

A BITMAPINFOHEADER of 40 bytes (https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader), then
other data, then the pixels, uncompressed, at the very end of the file, as Bio-Formats reads them ("Cellomics"). Sixteen
bits are one grey value, not the 5-5-5 colour of a bitmap.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.pixels.formats import limits

_HEADER = 40


def matches(data: bytes) -> bool:
    """Return whether the bytes begin with a BITMAPINFOHEADER of one plane, grey, without compression."""
    if len(data) < _HEADER:
        return False
    size, _, _, planes, bits, compression = struct.unpack_from("<IiiHHI", data, 0)
    return bool(size == _HEADER and planes == 1 and bits in (8, 16) and compression == 0)


def decode(data: bytes, plane: int, max_pixels: int) -> npt.NDArray[Any]:
    """Return the picture, uint8 or uint16 (H, W); rows are stored from the bottom unless the height is negative."""
    width, height, _, bits = struct.unpack_from("<iiHH", data, 4)
    limits.check_size(width, abs(height), max_pixels)
    stride = -(-width * bits // 32) * 4  # rows of a bitmap are whole 32-bit words
    start = len(data) - stride * abs(height)
    if start < _HEADER:
        raise limits.unreadable(f"DIB of {len(data)} bytes cannot hold {width} x {abs(height)} of {bits} bits")
    rows = np.frombuffer(data, np.uint8, offset=start).reshape(abs(height), stride)
    dtype = np.dtype("u1" if bits == 8 else "<u2")
    pixels = rows[:, : width * dtype.itemsize].copy().view(dtype)
    out = pixels if height < 0 else pixels[::-1]
    return limits.pick(1, plane, lambda _: np.ascontiguousarray(out).astype(dtype.newbyteorder("="), copy=False))
