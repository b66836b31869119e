"""Facts of an image by name.

They come from its path and from tables, or are made from others; names match in any spelling.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from builder.sources.common.wells import numbered_well, parse_well, well_name
from builder.sources.declared.declaration import Files
from builder.sources.declared.templates import names_in

Facts = dict[str, str]
"""Plain name -> value; '' and absent mean that nothing is known."""


@functools.lru_cache(maxsize=1 << 14)
def plain(name: str) -> str:
    """Return the normalised name of a fact.

    "Gene Symbol", gene_symbol and GeneSymbol are one name.
    """
    kept = "".join(letter for letter in name.casefold() if letter.isalnum())
    return _SAME.get(kept, kept) or name.strip()


_SAME = {"site": "field", "column": "col", "timepoint": "t"}


def fill(text: str, facts: Mapping[str, str]) -> str:
    """Return the named fact, or fill in a template's ``{names}``.

    '' where none of them has a value.

    A text in single quotes, ``'plate 7'``, is what it says.
    """
    name, parts = _parsed(text)
    if name is not None:
        return facts.get(name, "")
    if not parts:
        return text[1:-1]
    values = [facts.get(part, "") for _, part in parts]
    if not any(values):
        return ""
    for (placeholder, _), value in zip(parts, values, strict=True):
        text = text.replace(placeholder, value)
    return text


@functools.lru_cache(maxsize=1 << 10)
def _parsed(text: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Return the one fact of a text, or its placeholders.

    Neither where it stands for itself.
    """
    if is_literal(text):
        return None, ()
    names = names_in(text)
    if not names:
        return plain(text), ()
    return None, tuple((f"{{{name}}}", plain(name)) for name in dict.fromkeys(names))


def is_literal(text: str) -> bool:
    """Return whether a text stands for itself, in single quotes."""
    return len(text) > 1 and text[0] == text[-1] == "'"


def used(text: str) -> list[str]:
    """Return the plain names that ``fill`` looks up."""
    if is_literal(text):
        return []
    return [plain(name) for name in names_in(text) or [text]]


class Wells:
    """Finds the well, in any spelling, among a row's facts.

    The facts may also be those of a file name.
    """

    def __init__(self, files: Files, first_row: int) -> None:
        self._columns = files.plate_columns
        self._down = files.count_wells == "columns"
        self._base = 1 - min(first_row, files.first_row)

    def of(self, facts: Mapping[str, str | None]) -> str | None:
        """Return the well that the facts name.

        '' where no fact speaks of one, None where one does and it cannot be read.
        """
        well, row, column, number = (facts.get(name) for name in ("well", "row", "col", "wellnumber"))
        try:
            if well:
                return parse_well(well, self._columns)
            if row and column:
                return self._placed(row, column)
            if number:
                return numbered_well(int(number), self._columns, self._down) if int(number) > 0 else None
        except ValueError:
            return None
        return ""

    def _placed(self, row: str, column: str) -> str | None:
        if row.isalpha():
            return parse_well(f"{row}{int(float(column))}")
        return well_name(int(float(row)) + self._base, int(float(column)) + self._base)
