"""Names of wells on multi-well plates: every spelling in use becomes ``A01``.

Plates count row-major: well 1 is A01, and the second row begins at columns + 1. Rows after Z are AA, AB ... (1,536-well
plates), columns have at least two digits.
"""

from __future__ import annotations

import functools
import re

_LETTERS = re.compile(r"([A-Za-z]{1,2})[\s_]*-?[\s_]*0?([1-9]\d?)", re.ASCII)  # A1, a01, "A - 1", A_-_1, B-02
_ROW_COLUMN = re.compile(r"[Rr](\d\d)[Cc](\d\d)", re.ASCII)  # r01c02 (Operetta, Phenix)
_DIGITS = re.compile(r"(\d{3})(\d{3})\d{0,3}", re.ASCII)  # 001002, 001002000 (Opera)
_SCANR = re.compile(r"W(\d{5})", re.ASCII)  # W00026 (ScanR)


def well_name(row: int, column: int) -> str:
    """Return the name of a well; row and column count from 1.

    Raises
    ------
    ValueError
        For a row or column below 1, or a row after ZZ.
    """
    if row < 1 or column < 1 or row > 26 * 27:
        raise ValueError(f"no well has row {row}, column {column}")
    first, second = divmod(row - 1, 26)
    letters = (chr(64 + first) if first else "") + chr(65 + second)
    return f"{letters}{column:02d}"


def numbered_well(number: int, columns: int = 24) -> str:
    """Return the name of the ``number``-th well, from 1, row by row."""
    row, column = divmod(number - 1, columns)
    return well_name(row + 1, column + 1)


@functools.lru_cache(maxsize=1 << 15)
def parse_well(text: str, columns: int = 24) -> str | None:
    """Return ``A01`` for A1, a01, "A - 1", A_-_1, r01c01, 001001, 001001000 and W00001; None for what names no well.

    ``columns`` of the plate are needed for the numbered spelling ``W00001`` only.
    """
    text = text.strip()
    if match := _SCANR.fullmatch(text):
        number = int(match[1])
        return numbered_well(number, columns) if 1 <= number <= 702 * columns else None
    if match := _LETTERS.fullmatch(text):
        return f"{match[1].upper()}{int(match[2]):02d}"
    if match := _ROW_COLUMN.fullmatch(text) or _DIGITS.fullmatch(text):
        row, column = int(match[1]), int(match[2])
        return well_name(row, column) if 1 <= row <= 702 and column >= 1 else None
    return None
