"""Overlaps across the split are found from the pixels alone.

Neither idx nor group is used.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from builder.package.report import report
from builder.package.verify import check
from tests.package.made import make_package
from tests.pixels.test_overlap import scene, stretched

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("file_format", "workers"), [("arrow", 1), ("parquet", 2)])
def test_verify_warns_of_tiles_of_one_photograph_on_both_sides(tmp_path: Path, file_format: str, workers: int) -> None:
    """Training and validation hold adjacent tiles of one photograph.

    All other examples are scenes of their own.
    """
    numbers = iter(range(100, 200))

    def draw(rng: np.random.Generator, split: str, n: int, side: int) -> np.ndarray:
        if n == 1:
            tile = scene(1)[:160, :160] if split == "train" else scene(1)[70:230, 81:241]
            return stretched(tile)
        return scene(next(numbers), 160)

    folder = tmp_path / "cytoimagenet"
    make_package(folder, classes={"organism": ("human",)}, file_format=file_format, draw=draw)
    problems, warnings = check(str(folder), deep=True, workers=workers)
    assert problems == []
    (warning,) = warnings
    found = re.search(r"human-(\d+)\.png .*human-(\d+)\.png .*same part of a scene, (\d+)%", str(warning))
    assert found
    assert (int(found[1], 2), int(found[2], 2)) == (1, 4097)
    assert abs(int(found[3]) - 100 * 90 * 79 / 160**2) <= 3
    assert check(str(folder)).warnings == []
    page = report(str(folder), deep=True)
    shown = re.search(r"most alike pairs of examples that show one part of a scene.*?</table>", page, re.DOTALL)
    assert shown
    assert re.findall(r"human-\d+\.png(?= <span)", shown[0]) == [f"human-{found[1]}.png", f"human-{found[2]}.png"]
    assert f"{found[3]} % in common" in shown[0]
    assert "one part of a scene" not in report(str(folder))
