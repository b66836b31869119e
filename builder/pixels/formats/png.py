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


def decode(data: bytes, plane: int, max_pixels: int) -> npt.NDArray[Any]:
    """Return the picture: uint8 or uint16, (H, W) or (H, W, 3 or 4); grey with opacity loses the opacity."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise limits.unreadable("PNG without a header")
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    samples = _SAMPLES.get(colour, 4)
    limits.check_size(width, height, max_pixels, samples * max(1, bits // 8))
    if unfilter is None or bits not in (8, 16) or colour not in _SAMPLES or interlaced:
        return limits.pick(1, plane, lambda _: _without_opacity(imagecodecs.png_decode(data)))
    return limits.pick(1, plane, lambda _: _without_opacity(_decode_usual(data, width, height, samples, bits // 8)))


def _decode_usual(data: bytes, width: int, height: int, samples: int, depth: int) -> npt.NDArray[Any]:
    """Return (H, W) or (H, W, samples) of a PNG that is not interlaced, of whole bytes a sample, without a palette."""
    assert unfilter is not None
    stride = width * samples * depth
    raw = imagecodecs.deflate_decode(_packed(data), out=height * (stride + 1))
    if len(raw) != height * (stride + 1):
        raise limits.unreadable(f"PNG holds {len(raw)} of {height * (stride + 1)} bytes")
    rows = np.frombuffer(raw, np.uint8).reshape(height, stride + 1)
    out = np.empty((height, stride), np.uint8)
    if not unfilter(rows, samples * depth, out):
        raise limits.unreadable("PNG with an unknown filter")
    pixels = out if depth == 1 else out.view(">u2").astype(np.uint16)
    return pixels if samples == 1 else pixels.reshape(height, width, samples)


def _packed(data: bytes) -> bytes:
    """Return the deflated rows: the contents of the IDAT chunks, each checked against its sum."""
    view, parts, at = memoryview(data), [], 8
    while True:
        if at + 12 > len(data):
            raise limits.unreadable("PNG ends before its last chunk")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise limits.unreadable(f"PNG chunk of {length} bytes at {at} in a file of {len(data)}")
        if kind == b"IDAT":
            if zlib_ng.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
                raise limits.unreadable(f"PNG chunk at {at} with a wrong checksum")
            parts.append(view[at + 8 : end])
        if kind == b"IEND":
            return b"".join(parts)
        at = end + 4


def _without_opacity(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(pixels[..., 0]) if pixels.ndim == 3 and pixels.shape[2] < 3 else pixels
