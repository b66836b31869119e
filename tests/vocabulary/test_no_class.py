"""The table of tokens that are no class.

Every row means something, and what it lists gives no label.
"""

from __future__ import annotations

import pytest

from builder.schema import CATEGORIES
from builder.vocabulary import no_classes, normalize, why_no_class


def test_rows_are_complete() -> None:
    assert no_classes()
    assert len({(row.category, row.token) for row in no_classes()}) == len(no_classes())
    for row in no_classes():
        assert row.category in CATEGORIES, row
        assert len(row.reason.split()) > 3, row
        token = row.token.replace("(...)", "anything")
        assert normalize(row.category, token) == token, f"{row}: never found, values are normalised first"


@pytest.mark.parametrize(
    ("category", "token"),
    [
        ("cell_visible", "protein"),
        ("cell_visible", "infection"),
        ("phenotype", "mock"),
        ("phenotype", "histone demethylase negative_control"),
        ("cell_type", "ctr"),
    ],
)
def test_listed(category: str, token: str) -> None:
    assert why_no_class(category, token)


@pytest.mark.parametrize(
    ("category", "token"),
    [
        ("phenotype", "infection"),
        ("compound", "protein"),
        ("cell_visible", "protein a"),
        ("phenotype", "negative_control of something"),
        ("cell_visible", "cell body"),
        ("compound", "mock"),
    ],
)
def test_not_listed(category: str, token: str) -> None:
    assert why_no_class(category, token) is None


def test_s_phase_is_written_out() -> None:
    assert normalize("phenotype", "S") == "s phase"
