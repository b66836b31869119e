"""Tables joined to images by what both say.

That is plate and well in any spelling, a barcode, a patient, a sample.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.declared.columns import Column, Columns
from builder.sources.declared.declaration import Table
from builder.sources.declared.facts import Wells, plain
from builder.sources.declared.people_tables import Grid, filled_down, grids, long_table
from builder.sources.declared.plate_maps import rows_of

FILE, SHEET = "(file)", "(sheet)"
"""Names of columns that every table has: the name of its file without the ending, and of its sheet."""

_PREFIX: Final = re.compile(r"^(?:image)?metadata")
_SAME: Final = {
    "plate": {"plate", "plateid", "platename", "barcode", "platebarcode", "assayplatebarcode", "plateno"},
    "well": {"well", "wellid", "wellname", "wellposition", "wellno", "position", "cpdwellposition"},
    "row": {"row", "wellrow", "rowid"},
    "col": {"col", "wellcol", "wellcolumn", "colid", "columnid"},
    "field": {"field", "fieldid", "imagenumber"},
}


class _Row(NamedTuple):
    """A row's cells, and the place of each column."""

    cells: list[str]
    places: dict[str, int]

    def get(self, name: str) -> str:
        """Return a column's cell, '' if there is none."""
        place = self.places.get(name)
        return "" if place is None else self.cells[place]

    def set_default(self, name: str, value: str) -> None:
        """Fill an empty cell."""
        if name in self.places and not self.cells[self.places[name]]:
            self.cells[self.places[name]] = value


class Join:
    """One table, indexed by what it joins on."""

    def __init__(self, folder: Folder, table: Table, wells: Wells, known: Collection[str]) -> None:
        self._folder, self._table, self._wells = folder, table, wells
        self._rows: dict[tuple[str, ...], _Row] = {}
        self._used: set[tuple[str, ...]] = set()
        self._asked: list[tuple[str, ...]] = []  # the first few that had no row
        self._headers: list[dict[str, int]] = []  # places of the columns, of each file and sheet
        self.columns: list[str] = []
        self.on: dict[str, str] = {}  # fact -> column
        self._leave_out = {plain(column): (column, values) for column, values in table.leave_out.items()}
        for file, sheet, header, rows in self._read():
            self._add(file, sheet, header, rows, known)
        folder.tables[table.file] = bool(self._rows)
        self._facts = [plain(fact) for fact in self.on]
        take = table.take or {name: name for name in self.columns}
        self._take = [(plain(name), plain(column)) for name, column in take.items()]

    def names(self) -> list[str]:
        """Return the plain names of the facts that it gives."""
        return [plain(name) for name in (self._table.take or self.columns)]

    def add(self, facts: Columns, count: int) -> dict[int, str]:
        """Add the facts of rows to those of images.

        Return why an image is left out or lacks a row, by its place; nothing of those of which all is well.
        """
        columns = [map(_comparable, facts.get(fact) or [""] * count) for fact in self._facts]
        keys = list(zip(*columns, strict=True)) if columns else [()] * count
        rows = [None if "" in key else self._rows.get(key) for key in keys]
        wrong = {}
        if None in rows:
            why = f"images without a row in {self._table.file}{', left out' if self.required else ''}"
            wrong = {place: why for place, row in enumerate(rows) if row is None}
            self._asked += [keys[place] for place in itertools.islice(wrong, 3 - len(self._asked))]
        self._used.update(itertools.compress(keys, rows) if wrong else keys)
        for place, row in enumerate(rows) if self._leave_out else ():
            column = next((name for name, (_, of) in self._leave_out.items() if row and _among(row.get(name), of)), "")
            if row and column:
                said = f"{self._leave_out[column][0]}: {row.get(column)}"
                wrong[place] = f"images that {self._table.file} leaves out ({said})"
        for name, column in self._take:
            known = facts.get(name)
            if known and "" not in known:
                continue
            values = self._column(rows, column)
            facts[name] = [old or new for old, new in zip(known, values, strict=True)] if known else values
        return wrong

    def _column(self, rows: Sequence[_Row | None], column: str) -> Column:
        """Return a column's cells, '' where there is none."""
        if len(self._headers) != 1:
            return ["" if row is None else row.get(column) for row in rows]
        place = self._headers[0].get(column)
        return ["" if row is None or place is None else row.cells[place] for row in rows]

    def take_only(self, names: Collection[str]) -> None:
        """Take no more facts of rows than these."""
        self._take = [(name, column) for name, column in self._take if name in names]

    @property
    def required(self) -> bool:
        """Whether an image without a row is left out."""
        return self._table.required

    def finish(self) -> None:
        """Note the rows that no image showed.

        Raises
        ------
        LayoutError
            Where there are images and rows and not one meets another, with keys of both.
        """
        names = " and ".join(self.on)
        if self._rows and self._asked and not self._used:
            ours = "; ".join(" ".join(key) for key in itertools.islice(self._rows, 3))
            theirs = "; ".join(" ".join(part or "(nothing)" for part in key) for key in self._asked)
            raise LayoutError(
                f"{self._folder.root}/{self._table.file}: no row is of any image. By {names}, rows are of {ours}; "
                f"images are of {theirs}. Say what joins with tables.join, or correct a name with [facts]"
            )
        unused = [" ".join(key) for key, row in self._rows.items() if key not in self._used and self._says(row)]
        self._folder.notes.add_all(f"rows of {self._table.file} without an image", unused)

    def _read(self) -> Iterator[tuple[str, str, list[str], list[list[str]]]]:
        for grid in grids(self._folder, self._table, self._table.decimal_comma):
            cells = None
            if self._table.shape != "long":
                cells = rows_of(grid, self._table.name or grid.sheet or PurePosixPath(grid.file).stem)
            if cells is None and self._table.shape == "grid":
                raise LayoutError(
                    f"{self._folder.root}/{grid.file}: no grid (numbers across, letters down) {_first(grid)}"
                )
            header, rows = (cells[0], cells[1:]) if cells else long_table(grid, self._table.header)
            yield grid.file, grid.sheet, header, filled_down(header, rows, self._table.fill_down)

    def _add(self, file: str, sheet: str, header: list[str], rows: list[list[str]], known: Collection[str]) -> None:
        header = [*header, FILE, SHEET]
        places = {plain(name): place for place, name in reversed(list(enumerate(header))) if name}
        if places not in self._headers:
            self._headers.append(places)
        self.columns += [name for name in header[:-2] if name and name not in self.columns]
        self.on = self.on or self._joined(places, known, file)
        asked = (*self.on.values(), *self._table.take.values(), *self._table.where, *self._table.leave_out)
        for column in (*asked, *self._table.empty, *self._table.fill_down):
            if plain(column) not in places and not (plain(column) == "well" and {"row", "col"} & places.keys()):
                near = difflib.get_close_matches(column, header, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise LayoutError(f"{self._folder.root}/{file}: no column {column!r}; {hint}found {', '.join(header)}")
        beside = [PurePosixPath(file).name.partition(".")[0], sheet]
        empty = {plain(column): meaning for column, meaning in self._table.empty.items()}
        where = {plain(column): values for column, values in self._table.where.items()}
        found = [_Row([*cells, *beside], places) for cells in rows]
        numbers: Sequence[int] = range(2, len(rows) + 2)
        for column, meaning in empty.items():
            for row in found:
                row.set_default(column, meaning)
        if where:
            wanted = [all(_among(row.get(column), values) for column, values in where.items()) for row in found]
            found, numbers = list(itertools.compress(found, wanted)), list(itertools.compress(numbers, wanted))
        keys = self._keys([row.cells for row in found], places)
        new = dict(zip(keys, found, strict=True))
        if len(new) == len(found) and self._rows.keys().isdisjoint(new) and not any("" in key for key in keys):
            self._rows.update(new)
            return
        for number, row, key in zip(numbers, found, keys, strict=True):
            if "" in key:
                kind = f"rows of {self._table.file} that name no {' and '.join(self.on)}"
                self._folder.notes.add(kind, f"row {number}")
                continue
            kept = self._rows.setdefault(key, row)
            if kept is not row and kept.cells != row.cells and self._said(kept) != self._said(row):
                self._folder.notes.add("rows that contradict an earlier one", f"{file}: {' '.join(key)}")

    def _says(self, row: _Row) -> bool:
        """Return whether a row says more than where it belongs.

        An empty well of a map does not.
        """
        return len(self._said(row).keys() - set(map(plain, self.on.values())) - {"well", "plate", "row", "col"}) > 0

    def _said(self, row: _Row) -> dict[str, str]:
        """Return a row's values without join keys and row identifiers."""
        names = {plain(column) for column in self._table.take.values()}
        names = names or row.places.keys() - {plain(FILE), plain(SHEET)}
        return {name: value for name, place in row.places.items() if (value := row.cells[place]) and name in names}

    def _keys(self, rows: Sequence[Sequence[str]], places: Mapping[str, int]) -> list[tuple[str, ...]]:
        """Return the key of each row of cells."""

        def cells(column: str) -> list[str]:
            place = places.get(plain(column))
            return [""] * len(rows) if place is None else [row[place] for row in rows]

        def wells(column: str) -> list[str]:
            named = list(zip(cells(column), cells(self._row), cells(self._col), strict=True))
            known = {said: _comparable(self._well(*said)) for said in set(named)}
            return [known[said] for said in named]

        on = [
            wells(column) if plain(fact) == "well" else map(_comparable, cells(column))
            for fact, column in self.on.items()
        ]
        return list(zip(*on, strict=True))

    def _well(self, well: str, row: str, column: str) -> str:
        return self._wells.of({"well": well} if well else {"row": row, "col": column}) or ""

    _row, _col = "row", "col"

    def _joined(self, places: dict[str, int], known: Collection[str], file: str) -> dict[str, str]:
        """Return the column that each fact is compared with.

        As declared; else plate and well, or what images and table both name.
        """
        if self._table.join:
            unknown = [fact for fact in self._table.join if plain(fact) not in known]
            if unknown:
                raise LayoutError(
                    f"tables.join: no fact {unknown[0]!r} of images; known are {', '.join(sorted(known))}"
                )
        found = dict(self._table.join)
        bare = {_PREFIX.sub("", name): name for name in places}
        same = {fact: next((bare[name] for name in names if name in bare), "") for fact, names in _SAME.items()}
        self._row, self._col = same["row"] or "row", same["col"] or "col"
        if found:
            return found
        if same["plate"] and "plate" in known:
            found["plate"] = same["plate"]
        if "well" in known and (same["well"] or (same["row"] and same["col"])):
            found["well"] = same["well"] or "well"
            if same["field"] and "field" in known:
                found["field"] = same["field"]
        found = found or {name: name for name in sorted(known) if name in places}
        if not found:
            columns = ", ".join(name for name in self.columns[:12])
            raise LayoutError(
                f"{self._folder.root}/{file}: nothing says how it joins: images have {', '.join(sorted(known))}, the "
                f'table {columns}; write for instance join = {{ plate = "…" }}'
            )
        return found


@functools.lru_cache(maxsize=1 << 16)
def _comparable(text: str) -> str:
    text = text.strip()
    return str(int(text)) if text.isdecimal() else text.casefold()


def _among(value: str, wanted: str | Sequence[str]) -> bool:
    texts = [wanted] if isinstance(wanted, str) else wanted
    return value.strip().casefold() in {text.strip().casefold() for text in texts}


def _first(grid: Grid) -> str:
    return f"; its first row is {', '.join(grid.cells[0][:8])}" if grid.cells else "; it is empty"
