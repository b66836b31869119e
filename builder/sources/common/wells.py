"""Well names on multi-well plates, normalised to the form ``A01``.

Plates count row-major: well 1 is A01, and the second row begins at columns + 1. Rows after Z are AA, AB ... (1,536-well
plates), columns have at least two digits.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Final

_LETTERS = re.compile(r"([A-Za-z]{1,2})[\s_]*[-.:/]?[\s_]*0{0,2}([1-9]\d?)(?:\.0)?", re.ASCII)  # A1, "A - 1", A:1, A1.0
_ROW_COLUMN = re.compile(r"[Rr](\d\d?)[Cc](\d\d?)", re.ASCII)  # r01c02 (Operetta, Phenix), R1C2
_PAIR = re.compile(r"(\d{1,2})\s*[-,]\s*(\d{1,2})", re.ASCII)  # "1,2", 1-2: row and column
_DIGITS = re.compile(r"(\d{3})(\d{3})\d{0,3}", re.ASCII)  # 001002, 001002000 (Opera)
_NUMBER = re.compile(r"[Ww](\d{1,5})", re.ASCII)  # W00026 (ScanR), W0262 and W1 (CQ1)
_WORD = re.compile(r"[Ww]ell[\s_:]*", re.ASCII)  # "Well A01" (Pathway), WellA1 (JOBS)
_ROW_W: Final = 23
"""The row called W, which only plates of more than 24 columns have."""


def well_name(row: int, column: int) -> str:
    """Return the name of a well from 1-based indices.

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


def numbered_well(number: int, columns: int = 24, down: bool = False) -> str:
    """Return the name of a well numbered from 1.

    Wells count row by row, or ``down`` one column after the other.

    ``columns`` are those of the plate, see ``plate_rows``.
    """
    if down:
        column, row = divmod(number - 1, plate_rows(columns))
    else:
        row, column = divmod(number - 1, columns)
    return well_name(row + 1, column + 1)


def plate_rows(columns: int) -> int:
    """Return a plate's row count from its column count.

    ANSI/SLAS 4-2004 has 2 x 3, 3 x 4, 4 x 6, 6 x 8, 8 x 12, 16 x 24 and 32 x 48 wells.
    """
    return {4: 3, 8: 6}.get(columns, columns * 2 // 3)


@functools.lru_cache(maxsize=1 << 15)
def parse_well(text: str, columns: int | None = None) -> str | None:
    """Return the canonical name of a well, or None.

    These spellings are read: A1, a01, A001, A1.0 (spreadsheets), "A - 1", A_1, A:1, A.1, A/1, "Well A01", r01c01, R1C1,
    "1,1", 1-1, 001001, 001001000, full-width letters and digits; and W00001, W0001 or W1, a running number, row by row.

    Parameters
    ----------
    columns : of the plate, for running numbers; without it 24, and W with just two digits is row W, as in ``W05``. A
        plate of 24 columns or fewer has no row W, so that W5 and W05 are numbers there
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if (match := _NUMBER.fullmatch(text)) and not _is_row_w(match[1], columns):
        number = int(match[1])
        return numbered_well(number, columns or 24) if 1 <= number <= 702 * (columns or 24) else None
    text = _WORD.sub("", text, count=1) if _WORD.match(text) else text
    if match := _LETTERS.fullmatch(text):
        return f"{match[1].upper()}{int(match[2]):02d}"
    if match := _ROW_COLUMN.fullmatch(text) or _DIGITS.fullmatch(text) or _PAIR.fullmatch(text):
        row, column = int(match[1]), int(match[2])
        return well_name(row, column) if 1 <= row <= 702 and column >= 1 else None
    return None


def _is_row_w(digits: str, columns: int | None) -> bool:
    """Return whether W and these digits name a row-W well."""
    if columns is None:
        return len(digits) == 2
    return len(digits) <= 2 and plate_rows(columns) >= _ROW_W
