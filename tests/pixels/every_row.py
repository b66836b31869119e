"""The whole table of files."""

from __future__ import annotations

from collections.abc import Iterator

from tests.pixels import table_other, table_tiff_colour, table_tiff_planes, table_tiff_samples
from tests.pixels.table import Row


def every_row() -> Iterator[Row]:
    for module in (table_other, table_tiff_samples, table_tiff_colour, table_tiff_planes):
        yield from module.rows()
