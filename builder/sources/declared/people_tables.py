"""Tables as people keep them, read with pandas.

Any delimiter, encoding and sheet; every cell is a text.

The large tables of the public sources are read by ``builder.sources.common.tables``; these fit in memory.
"""

from __future__ import annotations

import datetime
import fnmatch
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError

from builder.sources.common.excel import check_size
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.packed import plain_name
from builder.sources.declared.facts import plain

_BOOKS: Final = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
_DELIMITERS: Final = ",;\t|"
_DECIMAL: Final = re.compile(r"-?\d+,\d+")
_SNIFFED: Final = 50  # lines


class Wanted(Protocol):
    """What a declaration says of a table's file."""

    @property
    def file(self) -> str:
        """Path, name or pattern."""

    @property
    def sheet(self) -> str | int:
        """Name or number; "*" is every sheet."""

    @property
    def delimiter(self) -> str:
        """'' where it is to be found out."""

    @property
    def encoding(self) -> str:
        """'' where it is to be found out."""


class Grid(NamedTuple):
    """The cells of a table or sheet, including the header.

    All rows have the same length.
    """

    file: str
    sheet: str
    cells: list[list[str]]


def table_files(folder: Folder, wanted: str) -> list[str]:
    """Return the files that a declaration names.

    They are named by path, by name at any depth, or with ``*``.

    Raises
    ------
    LayoutError
        Where there is none, with the tables that are there.
    """
    if wanted in folder:
        return [wanted]
    found = folder.named(wanted) if not set(wanted) & set("*?[") else []
    found = found[:1] or [path for path in folder.paths() if _fits(path, wanted)]
    folder.tables[wanted] = bool(found)
    if not found:
        kinds = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", *_BOOKS)
        there = list(folder.paths(*kinds))[:5]
        raise LayoutError(f"{folder.root}: no table {wanted!r}; there are {', '.join(there) or 'no tables at all'}")
    return found


def grids(folder: Folder, wanted: Wanted, decimal_comma: bool = False) -> Iterator[Grid]:
    """Yield the cells of every declared file and sheet."""
    for path in table_files(folder, wanted.file):
        name = plain_name(path).lower()
        if name.endswith(_BOOKS):
            yield from _book(folder, path, wanted.sheet)
        elif name.endswith((".jsonl", ".json", ".parquet")):
            yield Grid(path, "", _records(folder, path))
        else:
            yield Grid(path, "", _delimited(folder, path, wanted, decimal_comma))


def _fits(path: str, wanted: str) -> bool:
    lower, pattern = path.lower(), wanted.lower()
    return fnmatch.fnmatchcase(lower, pattern) or fnmatch.fnmatchcase(lower, f"*/{pattern}")


def _delimited(folder: Folder, path: str, wanted: Wanted, decimal_comma: bool) -> list[list[str]]:
    text = _decoded(folder, path, wanted.encoding)
    delimiter = wanted.delimiter or sniff(text)
    most = max((line.count(delimiter) for line in text.splitlines()), default=0) + 1
    if not text.strip():
        return []
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            header=None,
            names=range(most),
            dtype=object,  # texts, as of str; not by way of Arrow, which makes each cell anew
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            skipinitialspace=True,
            index_col=False,
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise LayoutError(f"{folder.root}/{path}: no table ({str(error).strip()})") from None
    columns = [stripped(frame[name].tolist()) for name in frame]
    cells = list(map(list[str], zip(*columns, strict=True)))
    if decimal_comma or (delimiter == ";" and not wanted.delimiter):
        cells = [[cell.replace(",", ".") if _DECIMAL.fullmatch(cell) else cell for cell in row] for row in cells]
    return cells


def long_table(grid: Grid, header: int | list[int]) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows, with multi-row headers joined.

    Each name of a header row holds until the next one.
    """
    numbers = [header] if isinstance(header, int) else header
    cells = grid.cells
    if numbers == [0]:  # titles above the header have one cell
        numbers = [next((place for place, row in enumerate(cells) if sum(map(bool, row)) > 1), 0)]
    if not cells or max(numbers) >= len(cells):
        return [], []
    lines = [_held(cells[number]) if number != numbers[-1] else cells[number] for number in numbers]
    names = [" ".join(part for part in dict.fromkeys(parts) if part) for parts in zip(*lines, strict=True)]
    return names, [row for row in cells[max(numbers) + 1 :] if any(row)]


def _held(cells: Sequence[str]) -> list[str]:
    held, last = [], ""
    for cell in cells:
        last = cell or last
        held.append(last)
    return held


def filled_down(header: Sequence[str], rows: list[list[str]], names: Sequence[str]) -> list[list[str]]:
    """Fill empty cells of some columns with those above."""
    wanted = {plain(name) for name in names}
    for place, name in enumerate(header):
        if plain(name) in wanted:
            for row, value in zip(rows, _held([row[place] for row in rows]), strict=True):
                row[place] = value
    return rows


def stripped(cells: Sequence[Any]) -> list[str]:
    """Return cells without blanks around, '' for missing ones."""
    try:
        return [cell.strip() for cell in cells]
    except AttributeError:  # of short rows
        return [cell.strip() if isinstance(cell, str) else "" for cell in cells]


def sniff(text: str) -> str:
    """Return the most likely delimiter of the first lines.

    It divides most of them into equally many cells.
    """
    lines = [line for line in text.splitlines()[:_SNIFFED] if line.strip()]

    def quality(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=lambda count: (counts.count(count), count), default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(_DELIMITERS, key=quality)


def _decoded(folder: Folder, path: str, encoding: str) -> str:
    content = folder.read_bytes(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = encoding or "utf-16"
    if not encoding:
        return folder.read_text(path)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise LayoutError(f"{folder.root}/{path}: cannot be read as {encoding} ({error})") from None


def _book(folder: Folder, path: str, sheet: str | int) -> Iterator[Grid]:
    content = folder.read_bytes(path)
    check_size(f"{folder.root}/{path}", content)
    wanted: Any = None if sheet == "*" else sheet
    try:
        frames = pd.read_excel(
            io.BytesIO(content), sheet_name=wanted, header=None, dtype=object, na_filter=False, engine="calamine"
        )
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise LayoutError(f"{folder.root}/{path}: sheet {sheet!r} cannot be read ({error})") from None
    named = frames if isinstance(frames, dict) else {str(sheet): frames}
    for name, frame in named.items():
        yield Grid(path, str(name), [[_text(cell, folder, path) for cell in row] for row in frame.to_numpy().tolist()])


def _text(cell: object, folder: Folder, path: str) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return "" if cell != cell else str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime.date | datetime.datetime | datetime.time):
        folder.notes.add("cells that a spreadsheet holds as dates (SEPT7 becomes one)", f"{path}: {cell}")
    return str(cell).strip()


def _records(folder: Folder, path: str) -> list[list[str]]:
    """Return JSON lines, JSON list or Parquet records, header first."""
    try:
        if plain_name(path).lower().endswith(".parquet"):
            records: list[Any] = pq.read_table(pa.BufferReader(folder.read_bytes(path))).to_pylist()
        elif plain_name(path).lower().endswith(".jsonl"):
            records = [json.loads(line) for line in folder.read_text(path).splitlines() if line.strip()]
        else:
            records = json.loads(folder.read_text(path))
    except (ValueError, OSError) as error:
        raise LayoutError(f"{folder.root}/{path}: no table ({error})") from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise LayoutError(f"{folder.root}/{path}: no list of records")
    header = list(dict.fromkeys(key for record in records for key in record))
    return [header, *([_plain_text(record.get(key)) for key in header] for record in records)]


def _plain_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "|".join(map(_plain_text, value))
    return _number(value) if isinstance(value, float) else str(value).strip()


def _number(value: float) -> str:
    return "" if value != value else str(int(value)) if value.is_integer() else repr(value)
