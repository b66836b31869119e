"""The audit of round cells with similar outlines.

It lists those whose grain is the same and counts the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builder.package.report import report
from builder.package.verify import check
from tests.package.made import make_package
from tests.pixels.test_overlap import round_cell

pytestmark = pytest.mark.slow


def test_one_cell_on_both_sides_is_listed_and_cells_that_resemble_it_are_counted(tmp_path: Path) -> None:
    """All nuclei lie in one place, so outlines correlate.

    One cell of validation is one of training.
    """
    numbers = iter(range(100))
    y, x = np.mgrid[:72, :72]
    nucleus = 120 * np.exp(-((y - 24) ** 2 + (x - 48) ** 2) / 150)

    def draw(rng: np.random.Generator, split: str, n: int, side: int) -> np.ndarray:
        if n == 1:
            cell = np.clip(round_cell(1) - nucleus, 0, 255).astype(np.uint8)
            return cell if split == "train" else np.ascontiguousarray(255 - (255 - cell[::-1]) // 2)
        return np.clip(round_cell(next(numbers) + 10) - nucleus, 0, 255).astype(np.uint8)

    folder = tmp_path / "cytoimagenet"
    make_package(folder, classes={"organism": ("human",)}, draw=draw)
    found = check(str(folder), deep=True)
    assert found.problems == []
    listed, counted = (str(warning) for warning in found.warnings)
    assert ("human-0000000000001.png" in listed, "human-1000000000001.png" in listed) == (True, True)
    assert "look alike" in listed
    assert "pairs across the split are alike in outline and differ in grain" in counted
    assert "differ in grain" in report(str(folder))
