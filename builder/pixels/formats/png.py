"""PNG (https://www.w3.org/TR/png-3/), 1 to 16 bits, grey, colour or palette."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy.typing as npt

from builder.pixels.formats import limits

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a PNG."""
    return data.startswith(_SIGNATURE)


def decode(data: bytes, plane: int, max_pixels: int) -> npt.NDArray[Any]:
    """Return the picture: uint8 or uint16, (H, W) or (H, W, 3 or 4); grey with opacity loses the opacity."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise limits.unreadable("PNG without a header")
    width, height = struct.unpack_from(">II", data, 16)
    limits.check_size(width, height, max_pixels)
    return limits.pick(1, plane, lambda _: _first_samples(imagecodecs.png_decode(data)))


def _first_samples(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] < 3 else pixels
