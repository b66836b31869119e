"""Symbols with one Ensembl identifier are one token.

They stand beside it in the tables of the screens.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from builder.vocabulary import normalize

TABLES = (
    ("idr0009/idr0009-screenA-processed.txt", "\t"),
    ("idr0009/idr0009-screenB-annotation.csv", ","),
    ("idr0021/idr0021-experimentA-annotation.csv", ","),
    ("idr0041/2018-03-16/idr0041-experimentA-annotation.csv", ","),
    ("idr0041/2018-03-23/idr0041-experimentA-annotation.csv", ","),
    ("idr0080/idr0080-screenA-annotation.csv", ","),
)


@pytest.mark.parametrize(
    ("symbol", "token"),
    [("C1orf201", "stpg1 targeted"), ("STPG1", "stpg1 targeted"), ("BRAF1", "braf targeted"), ("c2orf201", None)],
)
def test_a_former_symbol_is_the_gene_it_was(symbol: str, token: str | None) -> None:
    assert normalize("gene", symbol) == (token or f"{symbol} targeted")


@pytest.mark.real
def test_one_identifier_is_one_token(real_data: Path) -> None:
    tokens: dict[str, set[str | None]] = defaultdict(set)
    several = 0
    for table, delimiter in TABLES:
        with (real_data / table).open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter=delimiter):
                known = {name.split(" %%")[0]: value for name, value in row.items() if name}
                identifier = next(
                    value for name, value in known.items() if name.endswith(("Gene Identifier", "Gene Identifier]"))
                )
                symbols = [value for name, value in known.items() if "Gene Symbol" in name and "Synonym" not in name]
                for symbol in filter(None, symbols):
                    if identifier.startswith("ENSG"):
                        several += symbol.lower() != (normalize("gene", symbol) or "").removesuffix(" targeted")
                        tokens[identifier].add(normalize("gene", symbol))
    assert {identifier: found for identifier, found in tokens.items() if len(found) > 1} == {}
    assert (len(tokens) > 400, several > 8) == (True, True)
