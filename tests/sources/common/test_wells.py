"""Well names: all spellings agree; what is none is None."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.sources.common.wells import numbered_well, parse_well, plate_rows, well_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A1", "A01"),
        ("a01", "A01"),
        ("P24", "P24"),
        ("A - 1", "A01"),
        ("B - 09", "B09"),
        ("C_-_23", "C23"),
        (" c12 ", "C12"),
        ("AF48", "AF48"),
        ("r02c11", "B11"),
        ("R16C24", "P24"),
        ("001002", "A02"),
        ("016024001", "P24"),
        ("W00001", "A01"),
        ("W00025", "B01"),
        ("W00384", "P24"),
        ("1,1", "A01"),
        ("2-12", "B12"),
        ("A:1", "A01"),
        ("A.1", "A01"),
        ("B/2", "B02"),
        ("R1C1", "A01"),
        ("Well A01", "A01"),
        ("WellA2", "A02"),
        ("A001", "A01"),
        ("A012", "A12"),
        ("A1.0", "A01"),
        ("\uff21\uff10\uff11", "A01"),  # full-width letters and digits
        ("W1", "A01"),  # CQ1: a running number, never row W
        ("W0262", "K22"),  # of 384: 10 rows of 24, then 22
        ("W05", "W05"),
        ("1.1", None),
        ("A1.5", None),
        ("", None),
        ("A0", None),
        ("A100", None),
        ("r00c01", None),
        ("000001", None),
        ("W00000", None),
        ("DMSO", None),
    ],
)
def test_spellings(text: str, expected: str | None) -> None:
    assert parse_well(text) == expected


def test_numbers_follow_the_plate() -> None:
    assert parse_well("W00013", columns=12) == "B01"
    assert parse_well("W13", columns=12) == "B01"
    assert parse_well("W05", columns=24) == "A05"  # such a plate has no row W
    assert parse_well("W5", columns=48) == "W05"
    assert [numbered_well(n, columns=12, down=True) for n in (1, 8, 9, 96)] == ["A01", "H01", "A02", "H12"]
    assert [numbered_well(n, columns=12) for n in (1, 12, 13, 96)] == ["A01", "A12", "B01", "H12"]


@pytest.mark.parametrize(("wells", "columns"), [(6, 3), (12, 4), (24, 6), (48, 8), (96, 12), (384, 24), (1536, 48)])
def test_a_plate_is_counted_row_by_row(wells: int, columns: int) -> None:  # ANSI/SLAS 4-2004
    letters = [*string.ascii_uppercase, *("A" + letter for letter in string.ascii_uppercase)]
    by_hand = [f"{row}{column:02d}" for row in letters[: wells // columns] for column in range(1, columns + 1)]
    assert [numbered_well(number, columns) for number in range(1, wells + 1)] == by_hand
    assert plate_rows(columns) == wells // columns


@given(row=st.integers(1, 26), column=st.integers(1, 48))
def test_every_spelling_of_a_well_agrees(row: int, column: int) -> None:
    letter = string.ascii_uppercase[row - 1]
    name = well_name(row, column)
    spellings = [
        f"{letter}{column}",
        f"{letter.lower()}{column:02d}",
        f"{letter} - {column}",
        f"r{row:02d}c{column:02d}",
        f"{row:03d}{column:03d}",
        f"W{(row - 1) * 48 + column:05d}",
    ]
    assert {parse_well(text, 48) for text in spellings} == {name} == {parse_well(name)}


@given(st.text(max_size=12))
def test_any_text_gives_a_name_or_none(text: str) -> None:
    name = parse_well(text)
    assert name is None or parse_well(name) == name


@pytest.mark.parametrize(("row", "column"), [(0, 1), (1, 0), (703, 1), (-1, 3)])
def test_no_such_well(row: int, column: int) -> None:
    with pytest.raises(ValueError, match=f"row {row}, column {column}"):
        well_name(row, column)
