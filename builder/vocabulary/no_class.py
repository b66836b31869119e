"""Tokens that are no class, from ``no_class.csv``."""

from __future__ import annotations

import csv
import functools
import importlib.resources
from typing import Final, NamedTuple

_ANYTHING: Final = "(...)"


class NoClass(NamedTuple):
    """One row of ``no_class.csv``.

    ``token`` of ``category`` names nothing that an image shows, because ``reason``. ``token`` may begin with ``(...)``,
    which stands for anything.
    """

    category: str
    token: str
    reason: str


@functools.cache
def no_classes() -> tuple[NoClass, ...]:
    """Return the table, in its order."""
    text = importlib.resources.files(__package__).joinpath("no_class.csv").read_text("utf-8")
    rows = csv.reader(text.splitlines())
    header = next(rows)
    if header != ["category", "token", "reason"]:
        raise ValueError(f"no_class.csv: the columns are {header}")
    return tuple(NoClass(*row) for row in rows)


def why_no_class(category: str, token: str) -> str | None:
    """Return why a token is no class, or None."""
    exact, endings = _tables(category)
    if token in exact:
        return exact[token]
    return next((reason for ending, reason in endings if token.endswith(ending)), None)


@functools.cache
def _tables(category: str) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    mine = [row for row in no_classes() if row.category == category]
    endings = tuple((row.token[len(_ANYTHING) :], row.reason) for row in mine if row.token.startswith(_ANYTHING))
    return {row.token: row.reason for row in mine if not row.token.startswith(_ANYTHING)}, endings
