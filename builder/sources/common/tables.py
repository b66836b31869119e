"""Annotation tables beside the images, joined by plate and well.

They are those of the Image Data Resource (https://idr.openmicroscopy.org/about/submission.html): CSV or tab-separated,
plain or packed (``packed.py``), at any depth below the source's folder. They are read as a stream, within bounds.
"""

from __future__ import annotations

import csv
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar

from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.sources.common.packed import MAX_LINE, PACKED, plain_name

V = TypeVar("V", bound=Hashable)

NOTHING_JOINED: Final = "tables of which no row is of a file"
_LINK: Final = " %% "  # "Gene Identifier %% url=http://www.ensembl.org/id/%s" in tables of 2015 and 2016


class Rows(Generic[V]):
    """Annotation rows by plate and well, with usage tracking.

    Plate and well may also be data set and image.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._rows: dict[str, dict[str, V]] = {}
        self._used: dict[str, set[str]] = {}
        self._asked = False
        self._shared: dict[V, V] = {}

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(map(len, self._rows.values()))

    def add(self, plate: str, well: str, value: V, where: str) -> None:
        """Add a row, noting and ignoring conflicting rows.

        A row conflicts if the same well already has another value.
        """
        value = self._shared.setdefault(value, value)  # wells by the ten thousand, treatments by the hundred
        kept = self._rows.setdefault(plate, {}).setdefault(well, value)
        if kept is not value:
            self._notes.add("rows that contradict an earlier one", f"{where}: {plate} {well}")

    def get(self, plate: str, well: str, paths: Sequence[str]) -> V | None:
        """Return the row of the well that these files show.

        Without one, a note is made for each file and None is returned.
        """
        self._asked = True
        value = self._rows.get(plate, {}).get(well)
        if value is None:
            self._notes.add_all("files without a row", paths)
        else:
            self._used.setdefault(plate, set()).add(well)
        return value

    def note_unused(self) -> None:
        """Count unmatched rows, with plates without files as examples.

        Where there are files and rows and not one meets another, names are spelt otherwise than the adapter knows.
        """
        if self._rows and self._asked and not self._used:
            plate = next(iter(self._rows))
            self._notes.add(NOTHING_JOINED, f"{plate} {next(iter(self._rows[plate]))}")
        for plate, wells in self._rows.items():
            used = self._used.get(plate)
            if used:
                self._notes.add_all("rows without a file", (f"{plate} {well}" for well in wells if well not in used))
            else:
                self._notes.add("rows without a file", f"{plate}, all {len(wells)} rows", len(wells))


def find_tables(folder: Folder, *names: str, instead: Sequence[str] = (), of_labels: bool = True) -> list[str]:
    """Return the path of each table, noting missing ones.

    Unpacked copies are preferred, then the shallowest.

    Parameters
    ----------
    instead : tables that say the same, looked for where none of ``names`` is there
    of_labels : whether images would have no labels without these tables: a source without any of them is left out
    """
    copies: dict[str, dict[str, list[str]]] = {name.lower(): {} for name in (*names, *instead)}
    endings = [f"{name}{packing}" for name in copies for packing in ("", *PACKED)]
    for path in folder.paths(*endings):  # one pass: a folder may have millions of files
        found = path.rpartition("/")[2].lower()
        name = found if found in copies else plain_name(found)
        if name in copies:
            copies[name].setdefault(found[len(name) :], []).append(path)
    best = {name: _best(copies[name.lower()]) for name in (*names, *instead)}
    wanted = names if any(best[name] for name in names) or not any(best[name] for name in instead) else instead
    for name in wanted:
        if of_labels:
            folder.tables[name] = best[name] is not None
        if best[name] is None:
            folder.notes.add("annotation tables not found", f"{name} (or {name}{PACKED[0]} …), anywhere in the folder")
    return [path for path in map(best.get, wanted) if path is not None]


def _best(copies: Mapping[str, list[str]]) -> str | None:
    """Return the shallowest copy in the preferred packing, or None."""
    for packing in ("", *PACKED):
        if paths := copies.get(packing):
            return min(paths, key=lambda path: (path.count("/"), path))
    return None


def read_table(
    folder: Folder, path: str, columns: Sequence[str], optional: Sequence[str] = (), delimiter: str = ","
) -> Iterator[tuple[str, ...]]:
    """Yield each row's values of ``columns``, then of ``optional``.

    Blanks are stripped; an absent column gives ''. Only these columns are kept and the text is decoded as it is read:
    some tables have hundreds of columns, or of thousands of rows. Names match in any case, with or without blanks, and
    without the link that old tables append. A column may be given in several spellings, separated by ``|``. Rows with
    too many or too few fields are noted.

    Raises
    ------
    LayoutError
        Where one of ``columns`` is missing.
    """
    lines = _Lines(folder, path)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        header = [name.partition(_LINK)[0].strip() for name in next(reader, [])]
    except csv.Error as error:
        raise LayoutError(f"{folder.root}/{path}: no table ({error})") from None
    places = {_column(name): place for place, name in reversed(list(enumerate(header)))}
    wanted = [_place(places, name) for name in (*columns, *optional)]
    missing = [name for name, place in zip(columns, wanted, strict=False) if place is None]
    if missing:
        found = ", ".join(header) or "nothing"
        raise LayoutError(f"{folder.root}/{path}: no column {', '.join(missing)}; found {found}")
    while True:
        lines.row = 0
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # a cell of more than csv.field_size_limit() characters among others
            folder.notes.add("malformed rows", f"{path}:{reader.line_num}: {error}")
            continue
        folder.place = path, reader.line_num
        if len(fields) == len(header):
            yield tuple(["" if place is None else fields[place].strip() for place in wanted])
        elif fields:
            folder.notes.add("malformed rows", f"{path}:{reader.line_num}: {len(fields)} fields, not {len(header)}")


class _Lines:
    """The lines of a table, with bounded row length.

    A row may span several lines.
    """

    def __init__(self, folder: Folder, path: str) -> None:
        self._lines = folder.lines(path)
        self._name = f"{folder.root}/{path}"
        self.row = 0  # characters of the row so far

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.row += len(line)
        if self.row > MAX_LINE:
            raise LayoutError(f"{self._name}: a row has more than {MAX_LINE:,} characters")
        return line


def _place(places: Mapping[str, int], name: str) -> int | None:
    return next((places[key] for spelling in name.split("|") if (key := _column(spelling)) in places), None)


def _column(name: str) -> str:
    """Return a column name without differences in case and blanks."""
    return "".join(name.lower().split())
