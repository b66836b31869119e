from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.schema import CATEGORIES
from builder.vocabulary import merges, normalize

COLUMNS = (*CATEGORIES, "microscopy")
WORDS = [merge.found for merge in merges()] + ["DMSO", "a*b", "x targeted", " (?)", "nan", "|", "(", "Σ", "İ", "é"]
VALUES = st.one_of(st.text(max_size=20), st.lists(st.sampled_from(WORDS), max_size=4).map("|".join))


@pytest.mark.parametrize(
    ("category", "value", "expected"),
    [
        # bbbc.md and idr.md of the project's notes on the sources: the original's rules
        ("cell_type", "U-2 OS", "u2os"),
        ("cell_visible", "nuclei", "nucleus"),
        ("cell_visible", "gpcr", "cell membrane"),
        ("cell_visible", "plasma membrane", "cell membrane"),
        ("cell_visible", "Golgi apparatus", "golgi"),
        ("cell_type", "white blood cell (neutrophil)", "white blood cell"),
        ("cell_type", "neutrophil", "white blood cell"),
        ("organism", "Mus musculus", "mouse"),
        ("organism", "Homo sapiens", "human"),
        ("organism", "Saccharomyces cerevisiae", "yeast"),
        ("gene", "Gabra3", "gabra3 targeted"),
        ("gene", "gabra3 targeted", "gabra3 targeted"),
        ("gene", "EMPTY", None),
        ("gene", "MIS12|nan|TUBB4B", "mis12 targeted|tubb4b targeted"),
        ("phenotype", "DMSO", None),
        ("compound", "DMSO", "dmso"),
        ("phenotype", "increased*decreased", "increased -- decreased"),
        ("phenotype", "Telophase ", "telophase"),
        ("microscopy", "fluorescence (?)", "fluorescence"),
        # structure of a value
        ("cell_visible", " Nucleus | actin  |nuclei||ER", "nucleus|actin|er"),
        ("compound", "  two\u00a0 blanks\tmore ", "two blanks more"),
        ("organism", None, None),
        ("organism", "", None),
        ("organism", "nan|None|N/A", None),
        # words that only look like plurals, and codes
        ("phenotype", "mitosis", "mitosis"),
        ("phenotype", "apoptosis", "apoptosis"),
        ("cell_visible", "nucleus", "nucleus"),
        ("cell_visible", "nucleoli", "nucleoli"),
        ("cell_visible", "mitochondria", "mitochondria"),
        ("gene", "ACTINS", "actins targeted"),
        ("compound", "3'-deoxy-3'-fluorothymidine", "3'-deoxy-3'-fluorothymidine"),
        ("compound", "ATPO (a salt)", "atpo (a salt)"),
        ("phenotype", "rna synthesis inhibitor", "rna synthesis inhibitor"),
        ("phenotype", "UV Inactivated SARS-CoV-2", "uv inactivated sars-cov-2"),
        ("sirna", "s502431", "s502431"),
        ("sirna", "EMPTY", None),
    ],
)
def test_values(category: str, value: str | None, expected: str | None) -> None:
    assert normalize(category, value) == expected


def test_a_merge_holds_in_its_own_category_only() -> None:
    assert normalize("compound", "nuclei") == "nuclei"
    assert normalize("gene", "dna") == "dna targeted"


def test_unknown_category() -> None:
    with pytest.raises(ValueError, match="no vocabulary for 'color'; known are organism"):
        normalize("color", "red")


@given(st.sampled_from(COLUMNS), VALUES)
def test_twice_is_once(category: str, value: str) -> None:
    once = normalize(category, value)
    assert normalize(category, once) == once


@given(st.sampled_from(COLUMNS), VALUES)
def test_tokens_are_plain(category: str, value: str) -> None:
    """Tokens are lower-case, single-spaced, unique and never empty.

    What is unknown is None, never an empty text.
    """
    once = normalize(category, value)
    if once is None:
        return
    tokens = once.split("|")
    assert len(set(tokens)) == len(tokens)
    for token in tokens:
        assert token
        assert token == " ".join(token.split())
        assert token == token.lower()
        assert token not in ("nan", "none", "null", "n/a", "unknown")


@given(st.sampled_from(COLUMNS), st.lists(VALUES, max_size=4))
def test_joined_values_are_the_joined_tokens(category: str, values: list[str]) -> None:
    """Normalising a cell normalises its parts independently.

    No token depends on its neighbours.
    """
    parts = [normalize(category, part) for value in values for part in value.split("|")]
    tokens = dict.fromkeys(token for part in parts if part for token in part.split("|"))
    assert normalize(category, "|".join(values)) == ("|".join(tokens) or None)
