"""Facts of an image by name.

They come from its path and from tables, or are made from others; names match in any spelling.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

from builder.errors import UserError
from builder.sources.common.wells import numbered_well, parse_well, well_name
from builder.sources.declared.declaration import Fact, Files
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


def filler(text: str) -> Callable[[Mapping[str, str]], str]:
    """Return ``fill`` for one text, understood beforehand."""
    name, parts = _parsed(text)
    if name is not None:
        return lambda facts: facts.get(name, "")
    if not parts or any(text.count(placeholder) > 1 for placeholder, _ in parts):
        return lambda facts: fill(text, facts)
    between: list[str] = []
    rest = text
    for placeholder, _ in sorted(parts, key=lambda part: text.index(part[0])):
        before, _, rest = rest.partition(placeholder)
        between.append(before)
    names = [plain(name) for name in names_in(text)]

    def filled(facts: Mapping[str, str]) -> str:
        values = [facts.get(name, "") for name in names]
        if not any(values):
            return ""
        return "".join([piece for pair in zip(between, values, strict=True) for piece in pair]) + rest

    return filled


def is_literal(text: str) -> bool:
    """Return whether a text stands for itself, in single quotes."""
    return len(text) > 1 and text[0] == text[-1] == "'"


def used(text: str) -> list[str]:
    """Return the plain names that ``fill`` looks up."""
    if is_literal(text):
        return []
    return [plain(name) for name in names_in(text) or [text]]


class Made:
    """Facts derived from others by ``[facts.NAME]``, in file order."""

    def __init__(self, declared: Mapping[str, Fact]) -> None:
        self._facts = [(plain(name), fact, _compiled(name, fact.cut)) for name, fact in declared.items()]

    def names(self) -> list[str]:
        """Return the plain names that they are made from."""
        return [name for _, fact, _ in self._facts for name in used(fact.source)]

    def add(self, facts: Facts) -> None:
        """Set derived facts whose parts are known.

        It is called again after each table that adds facts.
        """
        for name, fact, cut in self._facts:
            text = fill(fact.source, facts)
            if not text or f"\0{name}" in facts:
                continue
            facts[f"\0{name}"] = text  # made once: a fact may be made from an older one of its own name
            facts[name] = _changed(text, fact, cut)


def _changed(text: str, fact: Fact, cut: re.Pattern[str] | None) -> str:
    if cut is not None:
        match = cut.search(text)
        text = (match[1] if cut.groups else match[0]) or "" if match else ""
    if fact.number and text.isdecimal():
        text = str(int(text))
    text = text.lower() if fact.lower else text.upper() if fact.upper else text
    return fact.values.get(text, text)


def _compiled(name: str, cut: str) -> re.Pattern[str] | None:
    try:
        return re.compile(cut) if cut else None
    except re.error as error:
        raise UserError(f"facts.{name}.cut: {error} in {cut!r}") from None


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
