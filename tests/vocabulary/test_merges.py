"""The table of merges: complete rows that do not conflict."""

from __future__ import annotations

from collections import Counter

import pytest

from builder.schema import CATEGORIES
from builder.vocabulary import merges, normalize


def test_rows_are_complete() -> None:
    for merge in merges():
        assert merge.category in (*CATEGORIES, "microscopy"), merge
        assert merge.found, merge
        assert len(merge.reason.split()) >= 1, merge
        assert merge.found == " ".join(merge.found.lower().split()), (
            f"{merge}: never found, values are normalised first"
        )
        assert "|" not in merge.found, f"{merge}: never found, values are split first"


def test_a_spelling_becomes_one_thing() -> None:
    counts = Counter((merge.category, merge.found) for merge in merges())
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_chains() -> None:
    """What a spelling becomes is not merged further."""
    for merge in merges():
        for token in merge.becomes.split("|"):
            suffix = " targeted" if merge.category == "gene" and token else ""
            assert normalize(merge.category, token) == (f"{token}{suffix}" or None), merge


@pytest.mark.parametrize("merge", merges(), ids=lambda merge: f"{merge.category}: {merge.found}")
def test_every_row_works(merge) -> None:
    value = merge.found.replace("(...)", "(of some kind)").upper()
    suffix = " targeted" if merge.category == "gene" and merge.becomes else ""
    assert normalize(merge.category, value) == (f"{merge.becomes}{suffix}" or None)
