"""The passes over pixels: compiled where numba is installed, else numpy. The results are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from builder.pixels import compiled as passes
    from builder.pixels.compiled_png import unfilter as _unfilter
except ImportError:
    from builder.pixels import plain as passes  # type: ignore[no-redef]

    _unfilter = None  # type: ignore[assignment]

unfilter: Callable[..., Any] | None = _unfilter
"""``compiled_png.unfilter``; None where nothing is compiled: each pixel waits for the last, which numpy cannot do."""

__all__ = ["passes", "unfilter"]
