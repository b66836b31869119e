"""A line chart as SVG or PNG."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from builder.errors import UserError
from builder.plotting import FORMATS, SOFT, encode, new_figure, settings

_WIDTH, _HEIGHT = 720, 420  # pixels
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by the colour-blind (Okabe & Ito)


@dataclasses.dataclass(frozen=True)
class Chart:
    """Line chart with logarithmic x axis and y from 0."""

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
        if kind not in FORMATS:
            raise UserError(f"a plot is an .svg or a .png file, not {name}")
        with settings():
            from matplotlib.ticker import NullLocator, StrMethodFormatter

            figure = new_figure(_WIDTH, _HEIGHT)
            axes = figure.add_axes((0.1, 0.14, 0.86, 0.8))
            for colour, (line, values) in zip(_COLOURS, self.lines.items(), strict=False):
                axes.plot(self.x, values, color=colour, label=line, linewidth=1.5, gid=f"line-{line}".replace(" ", "-"))
            if self.mark is not None:
                axes.axvline(self.mark, color=SOFT, linewidth=1)
                axes.annotate(f" {self.mark:,}", (self.mark, 0), color=SOFT, xytext=(0, 4), textcoords="offset points")
            axes.set_xscale("log")
            axes.set_xticks(list(dict.fromkeys([self.x[0], *self.x[2:-1:4], self.x[-1]])))
            axes.xaxis.set_minor_locator(NullLocator())
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.set(xlabel=self.x_title, ylabel=self.y_title, ylim=(0, None))
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, loc="upper right")
            return encode(figure, kind)
