"""The passes over pixels: compiled where numba is installed, else numpy. The results are the same."""

from __future__ import annotations

try:
    from builder.pixels import compiled as passes
except ImportError:
    from builder.pixels import plain as passes  # type: ignore[no-redef]

__all__ = ["passes"]
