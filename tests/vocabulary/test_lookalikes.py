from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.vocabulary import lookalikes


def pairs(category: str, *tokens: str) -> set[tuple[str, str, str]]:
    found = lookalikes({category: dict.fromkeys(tokens, 1)})
    return {(pair.token, pair.other, pair.why) for pair in found}


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        ("er golgi", "er-golgi", "punctuation"),
        ("hepg2", "hep-g2", "punctuation"),
        ("vesicle", "vesicles", "plural"),
        ("nuclear bodies", "nuclear body", "plural"),
        ("nuclei", "nucleus", "plural"),
        ("mitochondria", "mitochondrion", "plural"),
        ("flourescent", "fluorescent", "spelling"),  # transposed
        ("centrosom", "centrosome", "spelling"),  # left out
        ("kinase inhibitor", "kinaze inhibitor", "spelling"),  # substituted
        ("pd 98,059", "pd 98 059", "punctuation"),
    ],
)
def test_alike(one: str, two: str, why: str) -> None:
    first, second = sorted((one, two))
    assert pairs("cell_visible", one, two) == {(first, second, why)}


@pytest.mark.parametrize(
    ("category", "one", "two"),
    [
        ("compound", "il-2", "il-12"),
        ("compound", "il-1 2", "il-12"),
        ("compound", "activin-a", "activin-b"),
        ("compound", "il-17b", "il-17e"),
        ("compound", "tgf-beta 1", "tgf-beta 2"),
        ("gene", "prkca targeted", "prkci targeted"),
        ("gene", "cdk10 targeted", "cdk11 targeted"),
        ("gene", "kif4a targeted", "kif4b targeted"),
        ("sirna", "s502431", "s502432"),
        ("phenotype", "mitosis", "meiosis stage"),
        ("cell_visible", "actin", "golgi"),
    ],
)
def test_not_alike(category: str, one: str, two: str) -> None:
    assert pairs(category, one, two) == set()


def test_only_within_a_category() -> None:
    assert lookalikes({"gene": {"vesicle": 1}, "compound": {"vesicles": 1}}) == []


def test_most_rows_first() -> None:
    found = lookalikes({"cell_visible": {"vesicles": 9, "vesicle": 3, "golgi": 5, "golgi-": 4}})
    assert [(pair.token, pair.rows, pair.other, pair.other_rows) for pair in found] == [
        ("golgi", 5, "golgi-", 4),
        ("vesicles", 9, "vesicle", 3),
    ]


@given(st.sets(st.text("ab- s", min_size=1, max_size=8), max_size=8))
def test_order_does_not_matter(tokens: set[str]) -> None:
    listed = sorted(tokens)
    assert lookalikes({"compound": dict.fromkeys(listed, 1)}) == lookalikes(
        {"compound": dict.fromkeys(reversed(listed), 1)}
    )


@given(st.sets(st.text("abc", min_size=5, max_size=8), max_size=6))
def test_spelling_against_all_pairs(tokens: set[str]) -> None:
    """Each pair is compared plainly.

    One character left out of each, at most, makes them equal.
    """

    def variants(token: str) -> set[str]:
        return {token, *(token[:i] + token[i + 1 :] for i in range(len(token)))}

    expected = {frozenset(pair) for pair in itertools.combinations(tokens, 2) if variants(pair[0]) & variants(pair[1])}
    found = lookalikes({"compound": dict.fromkeys(tokens, 1)})
    assert {frozenset((pair.token, pair.other)) for pair in found if pair.why == "spelling"} <= expected
    assert expected <= {frozenset((pair.token, pair.other)) for pair in found}
