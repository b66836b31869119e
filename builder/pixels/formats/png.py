"""PNG (https://www.w3.org/TR/png-3/), 1 to 16 bits, grey, colour or palette.

The usual kinds (8 or 16 bits, no palette, not interlaced) are inflated by libdeflate into a buffer of the one size they
can have, and un-filtered by a compiled pass; libpng reads the others, and all of them where nothing is compiled.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from builder.pixels.formats import limits
from builder.pixels.kernels import unfilter

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_SAMPLES: Final = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type -> samples a pixel, palettes left out


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a PNG."""
    return data.startswith(_SIGNATURE)


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return uint8 or uint16, (H, W) or (H, W, 3 or 4); grey with opacity loses the opacity."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise limits.unreadable("PNG without a header")
    width, height, bits, colour, packing, filtering, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    samples = _SAMPLES.get(colour, 4)
    limits.check_size(width, height, max_pixels, samples * max(1, bits // 8))
    usual = bits in (8, 16) and colour in _SAMPLES and packing == filtering == interlaced == 0

    def whole(_: int) -> limits.Plane:
        pixels = _decode_usual(data, width, height, samples, bits // 8) if usual else None
        return limits.Plane((_without_opacity(imagecodecs.png_decode(data) if pixels is None else pixels),))

    return limits.pick(1, plane, whole)


def _decode_usual(data: bytes, width: int, height: int, samples: int, depth: int) -> npt.NDArray[Any] | None:
    """Return (H, W) or (H, W, samples) of a PNG that is not interlaced, of whole bytes a sample, without a palette.

    None where nothing is compiled, and where anything is odd: libpng, which knows what to forgive, has the last word,
    so that the same files are read with and without numba.
    """
    packed = _packed(data)
    if unfilter is None or packed is None:
        return None
    stride = width * samples * depth
    try:
        raw = imagecodecs.deflate_decode(packed, out=height * (stride + 1))
    except imagecodecs.DeflateError:
        return None
    out = np.empty((height, stride), np.uint8)
    if len(raw) != height * (stride + 1):
        return None
    if not unfilter(np.frombuffer(raw, np.uint8).reshape(height, stride + 1), samples * depth, out):
        return None
    pixels = out if depth == 1 else out.view(">u2").astype(np.uint16)
    return pixels if samples == 1 else pixels.reshape(height, width, samples)


def _packed(data: bytes) -> bytes | None:
    """Return the deflated rows: the contents of the IDAT chunks; None where a needed chunk is broken, or unknown."""
    view, parts, at = memoryview(data), [], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return None
        if kind[:1].isupper():  # a chunk that no reader may skip
            known = kind in (b"IHDR", b"IDAT", b"IEND") and (kind != b"IHDR" or at == 8)
            if not known or zlib_ng.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
                return None
        if kind == b"IDAT":
            parts.append(view[at + 8 : end])
        if kind == b"IEND":
            return b"".join(parts)
        at = end + 4
    return None


def _without_opacity(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(pixels[..., 0]) if pixels.ndim == 3 and pixels.shape[2] < 3 else pixels
