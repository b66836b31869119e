"""Bar charts of a card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from builder.plotting import INK, SOFT, encode, new_figure, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR: Final = "#2f6f9f"
_RAIL: Final = "#e8e8e3"
_WIDTH: Final = 720  # pixels, like all below
_LABELS: Final = 210
_NUMBERS: Final = 130
_TITLE: Final = 34
_ROW: Final = 24
_MARGIN: Final = 20
_GAP: Final = 12
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


def bar_chart(panels: Sequence[Panel]) -> bytes:
    """Return panels of horizontal bars, stacked vertically, as SVG."""
    height = _MARGIN + sum(_TITLE + _ROW * max(1, len(panel.bars)) + _GAP for panel in panels)
    with settings():
        figure = new_figure(_WIDTH, height)
        top = _MARGIN
        for number, panel in enumerate(panels):
            top += _TITLE
            rows = _ROW * max(1, len(panel.bars))
            inside = (_WIDTH - _LABELS - _NUMBERS) / _WIDTH
            _draw(figure.add_axes((_LABELS / _WIDTH, 1 - (top + rows) / height, inside, rows / height)), panel, number)
            top += rows + _GAP
        return encode(figure)


def _draw(axes: Axes, panel: Panel, number: int) -> None:
    count = max(1, len(panel.bars))
    most = max((bar.value for bar in panel.bars), default=0) or 1
    rows = range(len(panel.bars))
    axes.barh(rows, [most] * len(panel.bars), height=0.66, color=_RAIL)
    drawn = axes.barh(rows, [bar.value for bar in panel.bars], height=0.66, color=_BAR)
    for row, bar in enumerate(panel.bars):
        drawn[row].set_gid(f"bar-{number}-{row}")
        # aligned by their baselines, which no font metric moves
        axes.text(-0.02 * most, row + _BASELINE, _shortened(bar.label), color=INK, horizontalalignment="right")
        axes.text(1.02 * most, row + _BASELINE, bar.text, color=SOFT)
    left = (_MARGIN - _LABELS) / (_WIDTH - _LABELS - _NUMBERS) * most
    axes.text(left, -0.5 - 10 / _ROW, panel.title, color=INK, fontsize=12)
    axes.set(xlim=(0, most), ylim=(count - 0.5, -0.5))
    axes.set_axis_off()


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1].rstrip()}…"
