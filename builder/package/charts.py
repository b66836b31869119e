"""Bar charts of a card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from builder.plotting import INK, SOFT, encode, new_figure, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR: Final = "#2f6f9f"
_GRID: Final = "#e2e2dc"
_WIDTH: Final = 720  # pixels, like all below
_LABELS: Final = 210
_NUMBERS: Final = 130
_TITLE: Final = 34
_ROW: Final = 24
_MARGIN: Final = 20
_GAP: Final = 12
_AXIS: Final = 40
_TICKS: Final = 5  # at most, without the one at zero
_BASELINE: Final = 0.17  # rows below a row's middle
_LONGEST_LABEL: Final = 28  # characters that fit into _LABELS


class Bar(NamedTuple):
    """One bar of a chart, with ``text`` at its end."""

    label: str
    value: float
    text: str


class Panel(NamedTuple):
    """Bars under one heading, on a common scale."""

    title: str
    bars: Sequence[Bar]
    unit: str = "images"


def bar_chart(panels: Sequence[Panel]) -> bytes:
    """Return panels of horizontal bars, stacked vertically, as SVG."""
    height = _MARGIN + sum(_TITLE + _ROW * max(1, len(panel.bars)) + _AXIS + _GAP for panel in panels)
    with settings():
        figure = new_figure(_WIDTH, height)
        top = _MARGIN
        for number, panel in enumerate(panels):
            top += _TITLE
            rows = _ROW * max(1, len(panel.bars))
            inside = (_WIDTH - _LABELS - _NUMBERS) / _WIDTH
            _draw(figure.add_axes((_LABELS / _WIDTH, 1 - (top + rows) / height, inside, rows / height)), panel, number)
            top += rows + _AXIS + _GAP
        return encode(figure)


def _draw(axes: Axes, panel: Panel, number: int) -> None:
    count = max(1, len(panel.bars))
    most = max((bar.value for bar in panel.bars), default=0) or 1
    rows = range(len(panel.bars))
    _draw_axis(axes, most, count - 0.5, panel.unit)
    drawn = axes.barh(rows, [bar.value for bar in panel.bars], height=0.66, color=_BAR, zorder=2)
    for row, bar in enumerate(panel.bars):
        drawn[row].set_gid(f"bar-{number}-{row}")
        # aligned by their baselines, which no font metric moves
        axes.text(-0.02 * most, row + _BASELINE, _shortened(bar.label), color=INK, horizontalalignment="right")
        axes.text(bar.value + 0.012 * most, row + _BASELINE, bar.text, color=SOFT, zorder=3)
    left = (_MARGIN - _LABELS) / (_WIDTH - _LABELS - _NUMBERS) * most
    axes.text(left, -0.5 - 10 / _ROW, panel.title, color=INK, fontsize=12)
    axes.set(xlim=(0, most), ylim=(count - 0.5, -0.5))
    axes.set_axis_off()


def _draw_axis(axes: Axes, most: float, bottom: float, unit: str) -> None:
    """Draw both axes, with ticks and lines at round numbers.

    ``bottom`` is the row at which the scale lies.
    """
    from matplotlib.ticker import MaxNLocator

    for value in MaxNLocator(_TICKS, integer=True).tick_values(0, most):
        if value <= most:
            axes.plot([value, value], [-0.5, bottom], color=_GRID, linewidth=0.8, zorder=1)
            axes.plot([value, value], [bottom, bottom + 5 / _ROW], color=SOFT, linewidth=0.8, clip_on=False)
            axes.text(value, bottom + 17 / _ROW, f"{value:,.0f}", color=SOFT, horizontalalignment="center")
    axes.text(most / 2, bottom + 34 / _ROW, unit, color=INK, horizontalalignment="center")
    axes.plot([0, 0, most], [-0.5, bottom, bottom], color=SOFT, linewidth=1, zorder=3, clip_on=False)


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1].rstrip()}…"
