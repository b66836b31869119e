"""Sheets of examples as JPEG: many images in one file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

U8 = npt.NDArray[np.uint8]

CELL: Final = 256
"""Pixels of a cell's longer side, at most."""
COVER: Final = 4
"""Examples on the cover of a class."""
_COLUMNS: Final = 8
_COVER_SIDE: Final = 88
_QUALITY: Final = 82


class Sheet(NamedTuple):
    """A JPEG, its size, and each example's place in it."""

    jpeg: bytes
    size: tuple[int, int]  # width, height
    cells: list[tuple[int, int, int, int]]  # x, y, width, height


def fitted(pixels: U8, side: int = CELL) -> U8:
    """Return an example of at most ``side`` pixels; never enlarged."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2)
    return np.asarray(image)


def sheet(images: Sequence[U8]) -> Sheet:
    """Lay images out in rows of eight equal cells."""
    side = max((max(image.shape) for image in images), default=1)
    columns = max(1, min(_COLUMNS, len(images)))
    size = columns * side, max(1, -(-len(images) // columns)) * side
    canvas = np.zeros(size[::-1], np.uint8)
    cells = []
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        height, width = image.shape
        canvas[row * side : row * side + height, column * side : column * side + width] = image
        cells.append((column * side, row * side, width, height))
    return Sheet(_jpeg(canvas), size, cells)


def cover(images: Sequence[U8]) -> bytes:
    """Return the first four images' central squares, side by side."""
    canvas = np.zeros((_COVER_SIDE, COVER * _COVER_SIDE), np.uint8)
    for number, pixels in enumerate(images[:COVER]):
        short = min(pixels.shape)
        top, left = ((length - short) // 2 for length in pixels.shape)
        square = Image.fromarray(pixels[top : top + short, left : left + short])
        small = square.resize((_COVER_SIDE, _COVER_SIDE), Image.Resampling.LANCZOS)
        canvas[:, number * _COVER_SIDE : (number + 1) * _COVER_SIDE] = np.asarray(small)
    return _jpeg(canvas[:, : max(1, min(COVER, len(images))) * _COVER_SIDE])


def _jpeg(pixels: U8) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "JPEG", quality=_QUALITY)
    return sink.getvalue()
