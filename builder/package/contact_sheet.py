"""A sheet of thumbnails as PNG, drawn with Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from builder.plotting import BACKGROUND, INK, SOFT

_SCALE: Final = 2  # pixels a unit: sharp on dense screens
_MARGIN: Final = 20
_CELL: Final = 104
_HEADING, _CAPTION = 34, 26  # above and below the thumbnails of a row


class Thumbnail(NamedTuple):
    """One cell of a sheet."""

    image: Image.Image
    caption: str


def contact_sheet(rows: Sequence[tuple[str, Sequence[Thumbnail]]]) -> bytes:
    """Return rows of captioned thumbnails, as PNG.

    Each has a heading, which may be empty: then the row goes on with the one above it.
    """
    columns = max(4, *(len(thumbnails) for _, thumbnails in rows))
    headings = sum(bool(title) for title, _ in rows)
    height = 2 * _MARGIN + _HEADING * headings + (_CELL + _CAPTION) * len(rows)
    size = 2 * _MARGIN + columns * (_CELL + 10) - 10, height
    image = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), BACKGROUND)
    draw = ImageDraw.Draw(image)
    top = _MARGIN
    for title, thumbnails in rows:
        if title:
            _text(draw, (_MARGIN, top + 4), title, 15, INK)
            top += _HEADING
        for number, thumbnail in enumerate(thumbnails):
            left = _MARGIN + number * (_CELL + 10)
            image.paste(_square(thumbnail.image, _CELL * _SCALE), (left * _SCALE, top * _SCALE))
            _text(draw, (left, top + 4 + _CELL), _cut(draw, thumbnail.caption, _CELL, 11), 11, SOFT)
        top += _CELL + _CAPTION
    content = io.BytesIO()
    image.quantize(256, Image.Quantize.FASTOCTREE).save(content, "PNG", optimize=True)
    return content.getvalue()


def _text(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: str) -> None:
    draw.text((place[0] * _SCALE, place[1] * _SCALE), text, fill=colour, font=_font(size))


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * _SCALE)


def _cut(draw: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    """Shorten a text with … to at most ``width`` units."""
    if draw.textlength(text, font=_font(size)) <= width * _SCALE:
        return text
    while text and draw.textlength(f"{text}…", font=_font(size)) > width * _SCALE:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _square(image: Image.Image, side: int) -> Image.Image:
    """Return an image's central square, resized to ``side`` pixels."""
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    square = image.crop((left, top, left + short, top + short))
    resampling = Image.Resampling.BOX if short > side else Image.Resampling.NEAREST
    return square.resize((side, side), resampling).convert("RGB")
