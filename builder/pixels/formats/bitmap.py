"""Windows and OS/2 bitmaps, through Pillow's own class.

Nothing is decoded until the size is checked. ``Image.open`` would try every format that Pillow knows, and would warn of
sizes by a limit of its own.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import BmpImagePlugin

from builder.pixels.formats import limits


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a bitmap file."""
    return data.startswith(b"BM")


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return uint8 (H, W) or (H, W, 3), opacity dropped."""
    with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as image:
        width, height = image.size
        limits.check_size(width, height, max_pixels, len(image.getbands()))
        wanted = {"L": "L", "1": "L"}.get(image.mode, "RGB")
        return limits.pick(1, plane, lambda _: limits.Plane((np.array(image.convert(wanted)),)))
