"""The whole table of files."""

from __future__ import annotations

from collections.abc import Iterator

from tests.pixels import (
    table_bitmaps,
    table_jpeg,
    table_other,
    table_png,
    table_tiff_codecs,
    table_tiff_colour,
    table_tiff_extra,
    table_tiff_planes,
    table_tiff_samples,
    table_tiff_strips,
)
from tests.pixels.table import Row

_MODULES = (
    table_bitmaps,
    table_jpeg,
    table_other,
    table_png,
    table_tiff_codecs,
    table_tiff_colour,
    table_tiff_extra,
    table_tiff_planes,
    table_tiff_samples,
    table_tiff_strips,
)


def every_row() -> Iterator[Row]:
    for module in _MODULES:
        yield from module.rows()
