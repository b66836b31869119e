"""Pixel processing: arrays in, arrays out.

Reads, standardises, crops, checks and encodes; knows no path, table or label.
"""

from __future__ import annotations

from builder.pixels.normalize import standardize

__all__ = ["standardize"]
