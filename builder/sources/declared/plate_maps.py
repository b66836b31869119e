"""Plate maps as people draw them, as rows of wells.

Letters go down, numbers across; a sheet has one block or several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from builder.sources.common.folder import LayoutError
from builder.sources.common.wells import parse_well
from builder.sources.declared.people_tables import Grid

_LETTERS: Final = re.compile(r"[A-Za-z]{1,2}")
_NUMBER: Final = re.compile(r"([1-9]\d?)(?:\.0)?")
_PLATE: Final = re.compile(r"\s*plate(?:[ _]?(?:id|name|barcode))?\s*[:=]\s*(\S.*?)\s*", re.IGNORECASE)
_LEAST: Final = 2  # rows and columns of a block: less is no grid
_DRAWN: Final = 5_000
"""Rows of a sheet beyond which nobody draws plates: a long table."""
_ABOVE: Final = 2  # rows above a block in which its name or plate may stand


class Block(NamedTuple):
    """One grid: value name, plate and values by well.

    The plate is '' where it is not said.
    """

    name: str
    plate: str
    wells: dict[str, str]


def blocks(cells: Sequence[Sequence[str]]) -> Iterator[Block]:
    """Yield the grids of a sheet from the top.

    Cells around them (titles, recipes, notes) do not matter.
    """
    plate = ""
    for row, line in enumerate(cells):
        for column in range(len(line) - _LEAST):
            numbers = _numbers(line[column + 1 :])
            letters = _letters([below[column] for below in cells[row + 1 :]]) if len(numbers) >= _LEAST else []
            if len(letters) < _LEAST:
                continue
            above = [cells[r][c] for r in range(max(0, row - _ABOVE), row) for c in range(len(cells[r]))]
            plate = next((match[1] for text in reversed(above) if (match := _PLATE.fullmatch(text))), plate)
            name = line[column] or next((t for t in reversed(above) if t and not _PLATE.fullmatch(t)), "")
            yield Block(name, plate, _wells(cells, row, column, letters, numbers))
            break


def rows_of(grid: Grid, name: str) -> list[list[str]] | None:
    """Return the blocks of a sheet as one table.

    It has a header, and one row per plate and well; None where there is no block.

    Parameters
    ----------
    name : what the values of a block without a name are

    Raises
    ------
    LayoutError
        Where two blocks of one name say different things of one plate's wells.
    """
    if len(grid.cells) > _DRAWN:
        return None
    header = ["plate", "well"]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    found = list(blocks(grid.cells))
    for block in found:
        called = block.name or name
        if called not in header:
            header.append(called)
        for well, value in block.wells.items():
            kept = rows.setdefault((block.plate, well), {}).setdefault(called, value)
            if kept != value:
                raise LayoutError(
                    f"{grid.file}: two grids of {called!r} say {kept!r} and {value!r} of well {well}; "
                    "write `Plate: NAME` above each, or give them names of their own in the corner"
                )
    if not found:
        return None
    used = header if any(plate for plate, _ in rows) else header[1:]
    table = [used]
    for (plate, well), values in rows.items():
        texts = {"plate": plate, "well": well, **values}
        table.append([texts.get(column, "") for column in used])
    return table


def _numbers(cells: Sequence[str]) -> list[int]:
    """Return the consecutive column numbers that start a header row."""
    numbers: list[int] = []
    for cell in cells:
        match = _NUMBER.fullmatch(cell)
        if not match or (numbers and int(match[1]) != numbers[-1] + 1):
            break
        numbers.append(int(match[1]))
    return numbers


def _letters(cells: Sequence[str]) -> list[str]:
    """Return the rows that a first column counts up."""
    letters: list[str] = []
    for cell in cells:
        if not _LETTERS.fullmatch(cell) or (letters and cell.upper() != _after(letters[-1])):
            break
        letters.append(cell.upper())
    return letters


def _after(letters: str) -> str:
    """Return the next row: B after A, AA after Z."""
    last = letters[-1]
    if last != "Z":
        return letters[:-1] + chr(ord(last) + 1)
    return "AA" if len(letters) == 1 else chr(ord(letters[0]) + 1) + "A"


def _wells(
    cells: Sequence[Sequence[str]], row: int, column: int, letters: Sequence[str], numbers: Sequence[int]
) -> dict[str, str]:
    found = {}
    for down, letter in enumerate(letters, 1):
        for right, number in enumerate(numbers, 1):
            well = parse_well(f"{letter}{number}")
            if well is not None:
                found[well] = cells[row + down][column + right]
    return found
