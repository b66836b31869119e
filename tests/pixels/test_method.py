"""Both methods, and each of their keys alone.

``method = "paper" | "ours"``, against a plain reading of the method.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.draw import Draw
from builder.engine.store import Store
from builder.errors import RejectedError
from builder.pixels.candidates import candidates
from builder.recipe import Recipe
from builder.schema import ANNOTATIONS, ASSIGNMENTS
from builder.stages import work_files
from builder.stages.standardize.items import wanted_images
from tests.pixels.plain_method import CHOICES, Made, plainly

pytestmark = pytest.mark.slow

KEYS = {
    "single_whole": "single_objects_whole",
    "least_contrast": "min_contrast",
    "redraws": "blank_redraws",
    "by_windows": "dim_by_windows",
}


def images() -> list[list[np.ndarray]]:
    """Return fields of one to three channels.

    With blank margins, sparse spots, single cells, saturation or masks.
    """
    rng = np.random.default_rng(0)
    made = []
    for number, (height, width) in enumerate(((150, 141), (300, 290), (141, 400), (561, 600))):
        y, x = np.mgrid[:height, :width]
        texture = rng.poisson(50 + 300 * (1 + np.sin(x / 9 + number)) * (1 + np.cos(y / 13))).astype(np.uint16)
        margin = texture.copy()
        margin[: 2 * height // 3] = rng.normal(60, 1, (2 * height // 3, width)).astype(np.uint16)
        cell = np.where(np.hypot(y - height / 2, x - width / 2) < height / 6, texture, 0).astype(np.uint16)
        spots = np.where((y % 150 < 45) & (x % 150 < 45) & (x < width // 2), texture, 0).astype(np.uint16)
        corner = np.where((y < 75) & (x < 75), texture, 0).astype(np.uint16)
        bright = np.where(x < width // 2, texture, 60_000).astype(np.uint16)
        made += [[texture], [margin], [cell], [spots], [corner], [bright], [texture, margin, np.zeros_like(cell)]]
        dust = rng.normal(200 + x / 20, 20).clip(0).astype(np.uint16)
        dust[height // 2 :, : width // 4] += 2 * texture[height // 2 :, : width // 4]
        made += [[dust]]
        made += [[spots, corner], [(cell > 0).astype(np.uint8)], [np.full_like(cell, 7)]]
    return made


IMAGES = images()


def wanted_crops(folder: Path, wanted: int, recipe: Recipe) -> list[int]:
    """Return the crops that the builder wants of each image.

    Every third image shows a single object.
    """
    work = Store(str(folder))
    rows = [
        {"idx": f"bbbc005-{n}", "dir_name": "bbbc005", "key": str(n), "database": "B", "name": "N", "license": "L"}
        | {"files": ["a"], "planes": [0], "file_signature": n, "group": str(n), "single_object": n % 3 == 0}
        for n in range(len(IMAGES))
    ]
    with work.writing(work_files.annotations_path("bbbc005")) as file:
        pq.write_table(pa.Table.from_pylist(rows, ANNOTATIONS), file)
    labels = [{"label": "x", "category": "gene", "crops": wanted}] * len(rows)
    assigned = [row | label for row, label in zip(rows, labels, strict=True)]
    found = wanted_images(work, pa.Table.from_pylist(assigned, ASSIGNMENTS), recipe)
    crops: list[int] = found["crops"].to_pylist()
    return crops


def made_by_the_builder(channels: list[np.ndarray], crops: int, draw: Draw, recipe: Recipe) -> Any:
    try:
        found = candidates(channels, crops, draw, recipe)
    except RejectedError as refused:
        return refused.reason
    return [
        Made(
            one.candidate,
            (one.y_min, one.y_max, one.x_min, one.x_max) if one.crop else None,
            one.reason,
            one.pixels,
        )
        for one in found
    ]


def same(found: Any, expected: Any) -> bool:
    if isinstance(found, str) or isinstance(expected, str):
        return bool(found == expected)
    return [one[:3] for one in found] == [one[:3] for one in expected] and all(
        (a.pixels is None) == (b.pixels is None) and (a.pixels is None or np.array_equal(a.pixels, b.pixels))
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("method", ["paper", "ours"])
@pytest.mark.parametrize("wanted", [1, 4])
def test_a_method_gives_what_its_plain_reading_gives(method: str, wanted: int, tmp_path: Path) -> None:
    seen: set[str | None] = set()
    recipe = Recipe.of({"method": method})
    crops = wanted_crops(tmp_path, wanted, recipe)
    for number, channels in enumerate(IMAGES):
        single = number % 3 == 0
        expected = plainly(channels, wanted, Draw(0, number), single, **CHOICES[method])
        found = made_by_the_builder(channels, crops[number], Draw(0, number), recipe)
        assert same(found, expected), (number, found, expected)
        seen |= {expected} if isinstance(expected, str) else {one.reason for one in expected}
    assert {None, "uniform", "binary_mask", "dim"} <= seen
    assert ("crop_blank" in seen) == (method == "ours")


@pytest.mark.parametrize("changed", list(KEYS))
@pytest.mark.parametrize(("method", "other"), [("paper", "ours"), ("ours", "paper")])
def test_each_choice_is_a_key_of_its_own(method: str, other: str, changed: str, tmp_path: Path) -> None:
    choices = CHOICES[method] | {changed: CHOICES[other][changed]}
    recipe = Recipe.of({"method": method, KEYS[changed]: choices[changed]})
    crops = wanted_crops(tmp_path, 3, recipe)
    differs = 0
    for number, channels in enumerate(IMAGES):
        single = number % 3 == 0
        expected = plainly(channels, 3, Draw(1, number), single, **choices)
        found = made_by_the_builder(channels, crops[number], Draw(1, number), recipe)
        assert same(found, expected), (number, found, expected)
        differs += not same(expected, plainly(channels, 3, Draw(1, number), single, **CHOICES[method]))
    assert differs or (method, changed) == ("paper", "redraws")  # nothing is blank without a least contrast
