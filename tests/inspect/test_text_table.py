"""Columns side by side."""

from __future__ import annotations

from builder.inspect.text_table import text_table


def test_numbers_stand_right_and_texts_left() -> None:
    rows = [("dmso", 12345, 0.5, None), ("x", 7, 1234.567, None)]
    assert text_table(("label", "images", "share", "note"), rows, "  ").splitlines() == [
        "  label  images     share  note",
        "  dmso   12,345      0.50  -",
        "  x           7  1,234.57  -",
    ]


def test_long_texts_are_cut() -> None:
    assert text_table(("name",), [("x" * 61,)]).splitlines()[1] == "x" * 59 + "…"


def test_no_rows() -> None:
    assert text_table(("a", "b"), []) == "a  b"
