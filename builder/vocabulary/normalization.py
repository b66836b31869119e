"""Normalization of source values into tokens (method, section 1)."""

from __future__ import annotations

import csv
import functools
import importlib.resources
import unicodedata
from typing import Final, NamedTuple

from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.vocabulary.compounds import compounds

GENE_SUFFIX: Final = " targeted"
UNKNOWN: Final = frozenset(
    ("", "nan", "na", "n/a", "#n/a", "<na>", "n.a.", "none", "null", "nil", "unknown", "not available")
)
"""Words that say that nothing is known; ``na`` and ``#n/a`` are what spreadsheets and pandas write."""

_COLUMNS: Final = (*CATEGORIES, "microscopy")
_ANY_IN_BRACKETS: Final = " (...)"


class Merge(NamedTuple):
    """One row of the table of merges.

    In ``category``, ``found`` is written ``becomes`` (nothing: dropped), because ``reason``. ``found`` may end in ``
    (...)``, which stands for anything in brackets.
    """

    category: str
    found: str
    becomes: str
    reason: str


@functools.cache
def merges() -> tuple[Merge, ...]:
    """Return the merges of both tables, in order.

    They are ``merges.csv``, then the merged names of ``compounds.csv``.
    """
    text = importlib.resources.files(__package__).joinpath("merges.csv").read_text("utf-8")
    rows = csv.reader(text.splitlines())
    header = next(rows)
    if header != ["category", "from", "to", "reason"]:
        raise ValueError(f"merges.csv: the columns are {header}")
    structures = (Merge("compound", c.name, c.merged, c.reason) for c in compounds() if c.merged != c.name)
    return (*(Merge(*row) for row in rows), *structures)


@functools.cache
def _table(category: str) -> dict[str, str]:
    return {merge.found: merge.becomes for merge in merges() if merge.category == category}


@functools.lru_cache(maxsize=1 << 18)  # a big screen has some 10,000 values; the bound is for keys passed by mistake
def normalize(category: str, value: str | None) -> str | None:
    """Return a value's normalized tokens, joined by ``|``.

    None where nothing is known. Lower case, blanks collapsed, unknown words dropped, names of one thing merged by
    ``merges.csv``, each token once, in the order of their first appearance. A gene ends in `` targeted``; ``*`` in a
    phenotype becomes `` -- ``; a doubtful microscopy loses its `` (?)``. Applying it twice changes nothing.

    Parameters
    ----------
    category : one of ``builder.schema.CATEGORIES``, or ``microscopy``

    Raises
    ------
    ValueError
        For another category.
    """
    if category not in _COLUMNS:
        raise ValueError(f"no vocabulary for {category!r}; known are {', '.join(_COLUMNS)}")
    if value is None:
        return None
    tokens: dict[str, None] = {}
    for part in value.split(TOKEN_SEPARATOR):
        for token in _merged(category, part).split(TOKEN_SEPARATOR):
            if token not in UNKNOWN:
                tokens[_suffixed(token) if category == "gene" else token] = None
    return TOKEN_SEPARATOR.join(tokens) or None


def _merged(category: str, part: str) -> str:
    token = _plain(category, part)
    table = _table(category)
    if token not in table and token.endswith(")"):
        token_in_table = token.partition(" (")[0] + _ANY_IN_BRACKETS
        return table.get(token_in_table, token)
    return table.get(token, token)


def _plain(category: str, part: str) -> str:
    """Return one token in plain lower case.

    Blanks are collapsed, and what the category's own rule removes is left out.
    """
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).lower())
    if category == "phenotype":
        text = text.replace("*", " -- ")
    token = " ".join(text.split())
    if category == "gene":
        while token.endswith(GENE_SUFFIX):
            token = token.removesuffix(GENE_SUFFIX)
    if category == "microscopy":
        while token.endswith("(?)"):
            token = token.removesuffix("(?)").rstrip()
    return token


def _suffixed(symbol: str) -> str:
    return symbol + GENE_SUFFIX
