"""Facts of many images at a time, as columns.

A column is a list with a value per image; '' is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from builder.errors import UserError
from builder.sources.declared.declaration import Fact
from builder.sources.declared.facts import is_literal, plain, used
from builder.sources.declared.templates import names_in

Column = list[str]
Columns = dict[str, Column]
"""Plain name -> the values; what is absent is unknown of all images."""


def column_filler(text: str) -> Callable[[Columns, int], Column]:
    """Return what fills a text in for many images.

    It does so as ``facts.fill`` does for one."""
    if is_literal(text):
        return lambda _, count: [text[1:-1]] * count
    names = [plain(name) for name in names_in(text)]
    if not names:
        name = plain(text)
        return lambda facts, count: facts.get(name) or [""] * count
    pieces = re.split(r"\{[^{}]+\}", text.replace("%", "%%"))
    filled = "%s".join(pieces).__mod__

    def fill_in(facts: Columns, count: int) -> Column:
        rows = list(zip(*[facts.get(name) or [""] * count for name in names], strict=True))
        return [filled(row) if any(row) else "" for row in rows]

    return fill_in


class Made:
    """Facts derived from others by ``[facts.NAME]``, in file order."""

    def __init__(self, declared: Mapping[str, Fact]) -> None:
        self._facts = [
            (plain(name), fact, column_filler(fact.source), _compiled(name, fact.cut))
            for name, fact in declared.items()
        ]

    def names(self) -> list[str]:
        """Return the plain names that they are made from."""
        return [name for _, fact, _, _ in self._facts for name in used(fact.source)]

    def add(self, facts: Columns, count: int) -> None:
        """Set derived facts whose parts are known.

        It is called again after each table that adds facts.
        """
        for name, fact, filled, cut in self._facts:
            texts = filled(facts, count)
            made = facts.get(f"\0{name}") or [""] * count  # once: a fact may be made from an older one of its own name
            changed = {text: _changed(text, fact, cut) for text in dict.fromkeys(texts)}
            rows = zip(facts.get(name) or [""] * count, made, texts, strict=True)
            facts[name] = [old if done or not text else changed[text] for old, done, text in rows]
            facts[f"\0{name}"] = [done or text for done, text in zip(made, texts, strict=True)]


def facts_by_image(facts: Columns, count: int) -> list[dict[str, str]]:
    """Return what is known of each image."""
    shown = {name: values for name, values in facts.items() if name[0] != "\0"}
    return [{name: values[n] for name, values in shown.items() if values[n]} for n in range(count)]


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
