"""Image decoding and resizing with Pillow.

It serves where no compiled kernel exists, and for the first images of a process.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

_DAMAGED = (OSError, SyntaxError, LookupError, TypeError, ArithmeticError, EOFError, struct.error, zlib.error)
"""What Pillow raises for damaged bytes, format by format."""

U8 = np.ndarray[Any, np.dtype[np.uint8]]


def pillow_pixels(data: bytes | memoryview) -> U8:
    """Return an image's pixels in grey: uint8 (H, W).

    Raises
    ------
    ValueError
        Where Pillow cannot read the bytes, or has more than 8 bits a pixel to give.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode[0] in "IF":
                raise ValueError(f"an image of mode {image.mode}: more than 8 bits would be cut off")
            return np.array(image if image.mode == "L" else image.convert("L"))
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise ValueError(f"no image, or a damaged one: {error}") from error


def pillow_resized(pixels: U8, size: tuple[int, int]) -> U8:
    """Return uint8 (H, W) pixels resized by antialiased bilinear interpolation.

    ``size`` is (H, W).
    """
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR))
