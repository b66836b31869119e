"""Tables of a folder: lists, plate maps and others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.packed import plain_name
from builder.sources.common.wells import parse_well
from builder.sources.declared.coco import is_coco
from builder.sources.declared.declaration import Table
from builder.sources.declared.facts import plain
from builder.sources.declared.lists import guessed_paths
from builder.sources.declared.paths import Paths
from builder.sources.declared.people_tables import Grid, grids
from builder.sources.declared.plate_maps import rows_of

_KINDS: Final = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".xlsm", ".ods", ".json", ".jsonl", ".parquet")
_MOST: Final = 30  # tables that are looked at
_HEAD: Final = 60  # rows of each


class Found(NamedTuple):
    """A table: its kind, header and first rows.

    ``paths`` names the column of paths of a list, where its name does not tell.
    """

    file: str
    kind: Literal["list", "coco", "grid", "wells", "other"]
    header: list[str]
    rows: list[list[str]]
    paths: str = ""

    def column(self, name: str) -> list[str]:
        """Return the values of a column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows if place < len(row)]


def tables_of(folder: Folder) -> Iterator[Found]:
    """Yield readable tables, the shallowest first.

    What cannot be read as a table is left out: texts, settings of instruments.
    """
    paths = Paths(folder)
    candidates = [path for path in folder.paths(*_KINDS) if path.rpartition("/")[2].lower() not in _NOT_TABLES]
    for path in sorted(candidates, key=lambda path: (path.count("/"), path))[:_MOST]:
        try:
            if plain_name(path).lower().endswith(".json") and is_coco(folder.read_text(path)):
                yield Found(path, "coco", [], [])
                continue
            for grid in grids(folder, Table(file=path)):
                if found := _kind(grid, paths):
                    yield found
                    break
        except (LayoutError, RecursionError):
            continue


_NOT_TABLES: Final = frozenset(("readme.txt", "license.txt", "licence.txt", "metadata.txt"))


def _kind(grid: Grid, paths: Paths) -> Found | None:
    cells = grid.cells
    try:
        drawn = rows_of(grid, grid.sheet if not grid.sheet.isdecimal() else "value")
    except LayoutError:
        drawn = None
    if drawn:
        return Found(grid.file, "grid", drawn[0], drawn[1 : _HEAD + 1])
    start = next((place for place, row in enumerate(cells) if sum(map(bool, row)) > 1), None)
    if start is None or start + 1 >= len(cells):
        return None
    header, rows = cells[start], [row for row in cells[start + 1 : start + 1 + _HEAD] if any(row)]
    if not rows or any(len(name) > _LONGEST for name in header):
        return None
    beside = grid.file[: grid.file.rfind("/") + 1]
    if list(guessed_paths(header)):
        return Found(grid.file, "list", header, rows)
    for place, name in enumerate(header):
        values = [row[place] for row in rows if row[place]]
        if name and values and sum(paths.find(value, beside) is not None for value in values) > len(values) / 2:
            return Found(grid.file, "list", header, rows, name)
    if _well_column(header, rows) is not None:
        return Found(grid.file, "wells", header, rows)
    return Found(grid.file, "other", header, rows)


_LONGEST: Final = 80  # letters of a column's name: more is running text


def _well_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    names = {plain(name): name for name in header}
    if {"row", "col"} <= names.keys() or {"wellrow", "wellcol"} <= names.keys():
        return names.get("row") or names.get("wellrow")
    for place, name in enumerate(header):
        values = [row[place] for row in rows if row[place]]
        if (
            values
            and name
            and "well" in plain(name)
            and sum(parse_well(v) is not None for v in values) > len(values) / 2
        ):
            return name
    return None
