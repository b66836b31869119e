"""A line chart as SVG or PNG, with nothing but the standard library and Pillow."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

from builder.errors import UserError

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 700, 20, 360
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by the colour-blind (Okabe & Ito)
_GREY = "#888888"
_TEXT = 12

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Chart:
    """Lines over one logarithmic x axis, from a y of 0."""

    x_title: str
    y_title: str
    x: Sequence[int]
    lines: Mapping[str, Sequence[int]]
    mark: int | None = None  # an x to mark

    def save(self, name: str) -> bytes:
        """Return the bytes of a file of this name.

        Raises
        ------
        UserError
            If the name ends neither with .svg nor with .png.
        """
        kind = name.rsplit(".", 1)[-1].lower()
        if kind == "svg":
            return self._svg().encode()
        if kind == "png":
            return self._png()
        raise UserError(f"a plot is an .svg or a .png file, not {name}")

    def _strokes(self) -> Iterator[tuple[list[Point], str]]:
        yield [(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], _GREY
        if self.mark is not None:
            yield [self._place(self.mark, 0), (self._place(self.mark, 0)[0], _TOP)], _GREY
        for colour, values in zip(_COLOURS, self.lines.values(), strict=False):
            yield [self._place(x, y) for x, y in zip(self.x, values, strict=True)], colour

    def _texts(self) -> Iterator[tuple[Point, str, str, str]]:
        """Yield where, what, the anchor (start, middle, end) and the colour."""
        for x in dict.fromkeys([self.x[0], *self.x[2:-1:4], self.x[-1]]):
            yield (self._place(x, 0)[0], _BOTTOM + 18), f"{x:,}", "middle", "black"
        for step in range(5):
            y = self._top() * step / 4
            yield (_LEFT - 8, self._place(self.x[0], y)[1] + 4), f"{y:,.0f}", "end", "black"
        yield ((_LEFT + _RIGHT) / 2, _BOTTOM + 42), self.x_title, "middle", "black"
        yield (_LEFT, _TOP - 6), self.y_title, "middle", "black"
        if self.mark is not None:
            yield (self._place(self.mark, 0)[0] + 4, _BOTTOM - 6), f"{self.mark:,}", "start", _GREY
        for place, (colour, name) in enumerate(zip(_COLOURS, self.lines, strict=False)):
            yield (_RIGHT, _TOP + 14 + 18 * place), name, "end", colour

    def _top(self) -> float:
        highest = max((max(values) for values in self.lines.values()), default=1) or 1
        power = 10 ** math.floor(math.log10(highest))
        return next(float(n * power) for n in (1, 2, 4, 6, 8, 10) if n * power >= highest)

    def _place(self, x: float, y: float) -> Point:
        span = math.log(self.x[-1] / self.x[0]) or 1.0
        across = math.log(x / self.x[0]) / span
        return _LEFT + across * (_RIGHT - _LEFT), _BOTTOM - y / self._top() * (_BOTTOM - _TOP - 20)

    def _svg(self) -> str:
        shapes = [
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
            + " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            + '"/>'
            for points, colour in self._strokes()
        ]
        shapes += [
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
            for (x, y), text, anchor, colour in self._texts()
        ]
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'font-family="sans-serif" font-size="{_TEXT}">\n<rect width="100%" height="100%" fill="white"/>'
        )
        return "\n".join([head, *shapes, "</svg>", ""])

    def _png(self) -> bytes:
        scale = 2
        image = Image.new("RGB", (_WIDTH * scale, _HEIGHT * scale), "white")
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(_TEXT * scale)
        for points, colour in self._strokes():
            draw.line([(x * scale, y * scale) for x, y in points], colour, 2 * scale)
        for (x, y), text, anchor, colour in self._texts():
            side = {"start": "l", "middle": "m", "end": "r"}[anchor]
            draw.text((x * scale, y * scale), text, colour, font, anchor=f"{side}s")
        buffer = io.BytesIO()
        image.save(buffer, "png")
        return buffer.getvalue()
