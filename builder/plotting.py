"""Reproducible matplotlib figures as SVG or PNG.

The same numbers give the same bytes on every machine. Text stays text, so no font of the machine is drawn into the
file; no date and no random identifier is written, and no setting of the user's counts. matplotlib takes half a second
to import, so that only who draws pays for it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BACKGROUND: Final = "#fafaf8"
"""Figures are opaque, light with dark text, so that they read alike on a light and on a dark page."""
INK: Final = "#1f2328"
SOFT: Final = "#59636e"

PIXELS_PER_INCH: Final = 96  # one unit of an SVG is 1/72 inch, one pixel of a browser 1/96
_SCALE: Final = 2  # of PNG, for dense screens
_SETTINGS: Final[dict[str, Any]] = {
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 9.75,  # points: 13 pixels
    "svg.fonttype": "none",
    "svg.hashsalt": "cytoimagenet",
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "xtick.color": SOFT,
    "ytick.color": INK,
}
_METADATA: Final[dict[str, dict[str, Any]]] = {
    "svg": {"Creator": None, "Date": None, "Format": None, "Type": None},
    "png": {"Software": None},
}
FORMATS: Final = tuple(_METADATA)


@contextmanager
def settings() -> Iterator[None]:
    """Use this project's matplotlib settings within the block.

    The user's own do not count.
    """
    import matplotlib.style

    with matplotlib.style.context(["default", _SETTINGS], after_reset=True):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure; for use within ``settings``.

    Width and height are in pixels.
    """
    from matplotlib.figure import Figure

    return Figure((width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH, facecolor=BACKGROUND)


def encode(figure: Figure, file_format: str = "svg") -> bytes:
    """Return a figure encoded in one of ``FORMATS``."""
    content = io.BytesIO()
    dots = PIXELS_PER_INCH if file_format == "svg" else _SCALE * PIXELS_PER_INCH
    figure.savefig(content, format=file_format, dpi=dots, facecolor=BACKGROUND, metadata=_METADATA[file_format])
    return content.getvalue()
