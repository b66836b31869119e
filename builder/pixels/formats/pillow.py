"""JPEG and Windows bitmaps, through Pillow's own classes: they decode nothing until the size is checked.

``Image.open`` would try every format that Pillow knows, and would warn of sizes by a limit of its own.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import BmpImagePlugin, Image, JpegImagePlugin

from builder.pixels.formats import limits

_JPEG = b"\xff\xd8\xff"
_GREY = ("L", "I;16", "I;16B", "I", "F")


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a JPEG or a bitmap file."""
    return data.startswith((_JPEG, b"BM"))


def decode(data: bytes, plane: int, max_pixels: int) -> npt.NDArray[Any]:
    """Return the picture: uint8 (H, W) or (H, W, 3)."""
    kind = JpegImagePlugin.JpegImageFile if data.startswith(_JPEG) else BmpImagePlugin.BmpImageFile
    with kind(io.BytesIO(data)) as image:
        width, height = image.size
        limits.check_size(width, height, max_pixels)
        return limits.pick(1, plane, lambda _: _samples(image))


def _samples(image: Image.Image) -> npt.NDArray[Any]:
    if image.mode in _GREY:
        return np.array(image)
    return np.array(image.convert("L" if image.mode == "1" else "RGB"))
