"""Bitmaps without a file header, 8 or 16 bits/pixel.

The ``.DIB`` files of Cellomics ArrayScan (bbbc017) are such. A BITMAPINFOHEADER of 40 bytes
(https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader); in a Cellomics file twelve more, so
that the pixels begin at byte 52, as Bio-Formats reads them ("Cellomics"). Sixteen bits are one grey value, not the
5-5-5 colour of a bitmap.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from builder.pixels.formats import limits

_HEADER: Final = 40
_CELLOMICS: Final = 52


def matches(data: bytes) -> bool:
    """Return whether the bytes begin with a supported BITMAPINFOHEADER.

    That is one plane, grey, without compression.
    """
    if len(data) < _HEADER:
        return False
    size, _, _, planes, bits, compression = struct.unpack_from("<IiiHHI", data, 0)
    return bool(size == _HEADER and planes == 1 and bits in (8, 16) and compression == 0)


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return the grey image, or colours of a palette.

    uint8 or uint16 (H, W), or (H, W, 3) of a palette that is not grey. Rows are stored from the bottom unless the
    height is negative.
    """
    width, height, _, bits = struct.unpack_from("<iiHH", data, 4)
    limits.check_size(width, abs(height), max_pixels)
    stride = -(-width * bits // 32) * 4  # rows of a bitmap are whole 32-bit words
    start, palette = _pixels_and_palette(data, bits, stride * abs(height))
    rows = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)
    dtype = np.dtype("u1" if bits == 8 else "<u2")
    pixels = rows[:, : width * dtype.itemsize].copy().view(dtype)
    pixels = np.ascontiguousarray(pixels if height < 0 else pixels[::-1])
    if palette is not None:
        if pixels.max() >= len(palette):
            raise limits.unreadable(f"DIB of {len(palette)} colours with a pixel of colour {pixels.max()}")
        pixels = palette[pixels]
    return limits.pick(1, plane, lambda _: limits.Plane((pixels.astype(dtype.newbyteorder("="), copy=False),)))


def _pixels_and_palette(data: bytes, bits: int, size: int) -> tuple[int, np.ndarray | None]:
    """Return where the pixels begin, and the palette if any.

    The palette is uint8 (colours,) or (colours, 3).
    """
    beside = len(data) - _HEADER - size
    if beside < 0:
        raise limits.unreadable(f"DIB of {len(data)} bytes cannot hold {size} bytes of pixels")
    if bits == 8 and beside != _CELLOMICS - _HEADER:
        (stated,) = struct.unpack_from("<I", data, 32)
        colours = stated if 0 < stated <= 256 else 256
        if beside >= 4 * colours:
            entries = np.frombuffer(data, np.uint8, 4 * colours, _HEADER).reshape(colours, 4)
            if not entries[:, 3].any() and entries.any():
                rgb = np.ascontiguousarray(entries[:, 2::-1])
                grey = (rgb == rgb[:, :1]).all()
                return _HEADER + 4 * colours, np.ascontiguousarray(rgb[:, 0]) if grey else rgb
    between = min(beside, _CELLOMICS - _HEADER)
    # those twelve bytes may hold anything; others are taken to lie before the pixels only where they are zero
    if beside == _CELLOMICS - _HEADER or not any(data[_HEADER : _HEADER + between]):
        return _HEADER + between, None
    raise limits.unreadable(f"DIB with {beside} bytes beside its pixels, which do not say where those begin")
