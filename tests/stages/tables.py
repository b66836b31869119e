"""Small annotation tables, made up."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pyarrow as pa

from builder.schema import CATEGORIES
from tests.stages.label.reference_labels import Row

TEXTS = ("idx", "dir_name", "name", *CATEGORIES)
TOKENS = ("rna", "rna synthesis", "a.c", "abc", "a+", "(s)-x", "μ-opioid", "日本", "x ", "^x$", "nan", "\\d")


def table(rows: Sequence[Mapping[str, str | None]]) -> pa.Table:
    """Return rows as a table of texts.

    Values that a row leaves out are null, but for idx and the source.
    """
    full = [
        {"idx": f"src-{i}", "dir_name": "src", "name": "Source", **dict.fromkeys(CATEGORIES), **row}
        for i, row in enumerate(rows)
    ]
    return pa.table({name: pa.array([row[name] for row in full], pa.string()) for name in TEXTS})


def random_rows(chance: random.Random, count: int, tokens: Sequence[str] = TOKENS) -> list[Row]:
    """Return rows with few distinct tokens.

    So labels compete and are in several columns, and strata tie.
    """
    words = chance.sample(list(tokens), chance.randint(1, min(6, len(tokens))))
    rows: list[Row] = []
    for number in range(count):
        source = chance.choice("ab")
        row: Row = {"idx": f"{source}-{number}", "dir_name": source, "name": f"Source {source}"}
        rows.append(row | {category: _cell(chance, words) for category in CATEGORIES})
    return rows


def _cell(chance: random.Random, words: Sequence[str]) -> str | None:
    if chance.random() < 0.4:
        return None
    cell = "|".join(chance.choices(words, k=chance.choice((0, 1, 1, 1, 2, 3))))
    return chance.choice(("", "", "", "|")) + cell + chance.choice(("", "", "", "|"))
