"""No merge renames a class of the published set."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from builder.schema import CATEGORIES
from builder.vocabulary import normalize


@pytest.mark.real
def test_published_labels_are_fixed_points(real_data: Path) -> None:
    changed = []
    with (real_data / "cytoimagenet_release" / "known_labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for category in row["category"].split(" or "):
            if category and normalize(category, row["label"]) != row["label"]:
                changed.append((category, row["label"], normalize(category, row["label"])))
    assert len(rows) == 103
    assert {category for row in rows for category in row["category"].split(" or ") if category} == set(CATEGORIES)
    assert changed == []
