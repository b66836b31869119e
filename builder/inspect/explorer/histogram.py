"""Histograms as SVG, drawn by matplotlib.

The page puts them into itself, so that its colours, light or dark, are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from builder.plotting import encode, new_figure

_WIDTH, _HEIGHT = 360, 144  # pixels, like all below
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 8, 24
_TEXT: Final = 7.5  # points
_MARKS: Final = 3  # on the scale of counts, at most, beside zero


class Histogram:
    """A figure that draws the counts of class after class.

    It is used within `builder.plotting.settings`. A new figure for each would take three times as long.

    Parameters
    ----------
    edges : of the bins, one more than there are bins; they lie equally far apart, as in ``log`` their logarithms do
    """

    def __init__(self, edges: Sequence[float], log: bool = False) -> None:
        from matplotlib.ticker import MaxNLocator, StrMethodFormatter

        self._edges, self._log, bins = list(edges), log, len(edges) - 1
        self._figure = new_figure(_WIDTH, _HEIGHT)
        inside = (_WIDTH - _LEFT - _RIGHT) / _WIDTH, (_HEIGHT - _TOP - _BOTTOM) / _HEIGHT
        self._axes = self._figure.add_axes((_LEFT / _WIDTH, _BOTTOM / _HEIGHT, *inside))
        for patch in (self._figure.patch, self._axes.patch):
            patch.set_visible(False)
        self._bars = self._axes.bar([place + 0.5 for place in range(bins)], [0.0] * bins, width=0.86)
        for place, bar in enumerate(self._bars):
            bar.set_gid(f"bar-{place}")
        marks = (0, bins // 2, bins)
        self._axes.set(xlim=(0, bins), xticks=marks, xticklabels=[f"{edges[place]:.3g}" for place in marks])
        self._axes.yaxis.set_major_locator(MaxNLocator(_MARKS, integer=True))
        self._axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        self._axes.tick_params(labelsize=_TEXT)
        self._axes.spines[["top", "right"]].set_visible(False)

    def drawn(self, counts: Sequence[int]) -> dict[str, Any]:
        """Return the histogram of these counts as JSON values.

        In its ``svg`` the bars are the groups ``bar-0``, ``bar-1`` …
        """
        for bar, count in zip(self._bars, counts, strict=True):
            bar.set_height(count)
        self._axes.set_ylim(0, 1.04 * max(1, *counts))
        text = encode(self._figure).decode()
        return {"edges": self._edges, "counts": list(counts), "log": self._log, "svg": text[text.index("<svg") :]}
