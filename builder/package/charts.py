"""Bar charts and thumbnail sheets as PNG, drawn with Pillow: the same bytes for the same numbers.

Panels are opaque, light with dark text, so that they read alike on a light and on a dark page.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

_BACK: Final = "#fafaf8"
_INK: Final = "#1f2328"
_SOFT: Final = "#59636e"
_RAIL: Final = "#e8e8e3"
_BAR: Final = "#2f6f9f"
_SCALE: Final = 2  # pixels a unit: sharp on dense screens
_WIDTH: Final = 720
_ROW: Final = 24
_LABELS: Final = 190
_NUMBERS: Final = 110
_MARGIN: Final = 20
_CELL: Final = 104


class Bar(NamedTuple):
    """One row of a chart: ``text`` is what stands at its end."""

    label: str
    value: float
    text: str


class Panel(NamedTuple):
    """Some bars under one heading; their lengths compare within the panel."""

    title: str
    bars: Sequence[Bar]


class Thumbnail(NamedTuple):
    """One cell of a sheet."""

    image: Image.Image
    caption: str


def bar_chart(panels: Sequence[Panel]) -> bytes:
    """Return panels of horizontal bars, one below the other, as PNG."""
    height = _MARGIN + sum(34 + _ROW * len(panel.bars) + 12 for panel in panels)
    image, draw = _canvas(_WIDTH, height)
    top = _MARGIN
    for panel in panels:
        _text(draw, (_MARGIN, top), panel.title, 16, _INK)
        top += 34
        most = max((bar.value for bar in panel.bars), default=0) or 1
        for bar in panel.bars:
            _bar(draw, top, bar, bar.value / most)
            top += _ROW
        top += 12
    return _png(image)


def contact_sheet(rows: Sequence[tuple[str, Sequence[Thumbnail]]]) -> bytes:
    """Return rows of captioned thumbnails under headings, as PNG."""
    line = 30 + _CELL + 26
    columns = max(4, *(len(thumbnails) for _, thumbnails in rows))
    image, draw = _canvas(2 * _MARGIN + columns * (_CELL + 10), _MARGIN + line * len(rows))
    top = _MARGIN
    for title, thumbnails in rows:
        _text(draw, (_MARGIN, top - 4), title, 15, _INK)
        for number, thumbnail in enumerate(thumbnails):
            left = _MARGIN + number * (_CELL + 10)
            image.paste(_fitted(thumbnail.image, _CELL * _SCALE), (left * _SCALE, (top + 22) * _SCALE))
            _text(draw, (left, top + 26 + _CELL), _cut(draw, thumbnail.caption, _CELL, 11), 11, _SOFT)
        top += line
    return _png(image)


def _canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width * _SCALE, height * _SCALE), _BACK)
    return image, ImageDraw.Draw(image)


def _bar(draw: ImageDraw.ImageDraw, top: int, bar: Bar, share: float) -> None:
    left, right = _MARGIN + _LABELS, _WIDTH - _MARGIN - _NUMBERS
    label = _cut(draw, bar.label, _LABELS - 10, 13)
    _text(draw, (_MARGIN, top + 3), label, 13, _INK)
    _box(draw, left, top + 4, right, top + _ROW - 4, _RAIL)
    if bar.value > 0:
        _box(draw, left, top + 4, max(left + 2, round(left + (right - left) * share)), top + _ROW - 4, _BAR)
    _text(draw, (right + 10, top + 3), bar.text, 13, _SOFT)


def _box(draw: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int, colour: str) -> None:
    draw.rectangle((left * _SCALE, top * _SCALE, right * _SCALE - 1, bottom * _SCALE - 1), fill=colour)


def _text(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: str) -> None:
    draw.text((place[0] * _SCALE, place[1] * _SCALE), text, fill=colour, font=_font(size))


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * _SCALE)


def _cut(draw: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    """Return the text, its end replaced by … where it is wider than ``width`` units."""
    if draw.textlength(text, font=_font(size)) <= width * _SCALE:
        return text
    while text and draw.textlength(f"{text}…", font=_font(size)) > width * _SCALE:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _fitted(thumbnail: Image.Image, side: int) -> Image.Image:
    """Return the thumbnail's central square, at ``side`` pixels: nothing is stretched."""
    short = min(thumbnail.size)
    left, top = (thumbnail.width - short) // 2, (thumbnail.height - short) // 2
    square = thumbnail.crop((left, top, left + short, top + short))
    return square.resize((side, side), Image.Resampling.BOX if short > side else Image.Resampling.NEAREST).convert(
        "RGB"
    )


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.quantize(256, Image.Quantize.FASTOCTREE).save(content, "PNG", optimize=True)
    return content.getvalue()
