"""Names of treatments in the four Recursion sets.

As the original's own table of data sets lists them.
"""

from __future__ import annotations

import ast
import csv
import gzip
from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.recursion import treatment
from builder.vocabulary import normalize


@pytest.mark.real
@pytest.mark.parametrize(
    ("dir_name", "category", "fewest_merged"),
    [
        ("rec_rxrx1", "sirna", 0),
        ("rec_rxrx2", "compound", 0),
        ("rec_rxrx19a", "compound", 29),
        ("rec_rxrx19b", "compound", 35),
    ],
)
def test_expected_tokens(real_data: Path, dir_name: str, category: str, fewest_merged: int) -> None:
    """There are as many normalised names as the source says.

    Case alone merges 29 and 35 pairs of the last two.
    """
    csv.field_size_limit(1 << 30)
    with gzip.open(real_data / "_cytoimagenet" / "datasets_info.csv.gz", "rt", encoding="utf-8") as file:
        (row,) = [row for row in csv.DictReader(file) if row["dir_name"] == dir_name]
    names = {name for name in ast.literal_eval(row["phenotype"]) if treatment(name)}
    tokens = {normalize(category, name) for name in names}
    assert None not in tokens
    assert not [token for token in tokens if token and "|" in token]
    assert len(tokens) == get_source(dir_name).expected_tokens[category]
    assert len(tokens) <= len(names) - fewest_merged
