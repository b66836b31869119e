"""PNG (https://www.w3.org/TR/png-3/), 1 to 16 bits, grey, colour or palette.

The usual kinds (8 or 16 bits, no palette, not interlaced) are read by ``cytoimagenet_reader.png``, others by libpng.
Whichever decodes, the chunks are walked and checked first, so that a damaged file is always refused.
"""

from __future__ import annotations

from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from builder.pixels.formats import exif, limits
from cytoimagenet_reader.png.chunks import SIGNATURE, Png, PngError, content_of, parse, read_header
from cytoimagenet_reader.png.inflate import inflate
from cytoimagenet_reader.png.unfilter import unfilter

_SAMPLES: Final = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type -> samples per pixel, palettes left out


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a PNG."""
    return data.startswith(SIGNATURE)


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return the pixels; grey with opacity loses the opacity.

    uint8 or uint16, (H, W) or (H, W, 3 or 4).
    """
    try:
        width, height, bits, colour, packing, filtering, interlaced = read_header(data)
        samples = _SAMPLES.get(colour, 4)
        limits.check_size(width, height, max_pixels, samples * max(1, bits // 8))
        png = parse(data)
    except PngError as error:
        raise limits.unreadable(str(error)) from None
    orientation = exif.orientation(content_of(data, b"eXIf")) if b"eXIf" in png.kinds else 1
    usual = bits in (8, 16) and colour in _SAMPLES and packing == filtering == interlaced == 0

    def whole(_: int) -> limits.Plane:
        pixels = _decode_usual(data, png, samples, bits // 8) if usual else imagecodecs.png_decode(data)
        return limits.Plane((_without_opacity(pixels),), orientation)

    return limits.pick(1, plane, whole)


def _decode_usual(data: bytes, png: Png, samples: int, depth: int) -> npt.NDArray[Any]:
    """Decode a PNG that is neither interlaced nor palette-based.

    Returns (H, W) or (H, W, samples); ``depth`` is in bytes per sample.
    """
    height, width = png.header.height, png.header.width
    stride = width * samples * depth
    rows, out = np.empty((height, stride + 1), np.uint8), np.empty((height, stride), np.uint8)
    try:
        inflate(data, png.data, rows)
        if not unfilter(rows, samples * depth, out):
            raise limits.unreadable("a damaged PNG: a row has a filter that does not exist")
    except PngError as error:
        raise limits.unreadable(str(error)) from None
    pixels = out if depth == 1 else out.view(">u2").astype(np.uint16)
    return pixels if samples == 1 else pixels.reshape(height, width, samples)


def _without_opacity(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(pixels[..., 0]) if pixels.ndim == 3 and pixels.shape[2] < 3 else pixels
