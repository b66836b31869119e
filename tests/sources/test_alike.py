"""Does the judge of likeness tell same from similar?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from builder.sources.base import Channel, Image
from tests.sources.alike import SAME, Array, likeness, same_in_other_groups, smoothed


def scene(seed: int, side: int = 160) -> Array:
    """Return round cells at random places, uint8 (side, side)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    pixels = np.zeros((side, side))
    for row, column, radius in zip(*rng.uniform(0, side, (2, 25)), rng.uniform(4, 10, 25), strict=True):
        pixels += np.exp(-(((y - row) ** 2 + (x - column) ** 2) / radius**2))
    return (np.clip(pixels, 0, 1) * 255).astype("uint8")


def blurred(pixels: Array) -> Array:
    return np.asarray(PillowImage.fromarray(pixels).filter(ImageFilter.GaussianBlur(3)))


CHANGES = {
    "darker": lambda pixels: pixels // 4,
    "gamma": lambda pixels: ((pixels / 255) ** 0.5 * 255).astype("uint8"),
    "blurred": blurred,
    "noisy": lambda pixels: np.clip(pixels + np.random.default_rng(1).normal(0, 20, pixels.shape), 0, 255),
    "shifted": lambda pixels: np.roll(pixels, (15, -20), (0, 1)),
    "unevenly lit": lambda pixels: pixels * np.linspace(0.5, 1, pixels.shape[1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_same_scene_is_seen(change: object) -> None:
    assert callable(change)
    one, other = scene(0), change(scene(0))
    assert likeness(smoothed(one / 255), smoothed(other / 255)) >= SAME


def test_other_scenes_are_not_the_same() -> None:
    smalls = [smoothed(scene(seed) / 255) for seed in range(12)]
    likest = max(likeness(one, other) for n, one in enumerate(smalls) for other in smalls[:n])
    assert likest < SAME - 0.1


def test_likeness_is_symmetric_and_knows_itself() -> None:
    one, other = (smoothed(scene(seed) / 255) for seed in (0, 1))
    assert likeness(one, one) == pytest.approx(1)
    assert likeness(one, other) == pytest.approx(likeness(other, one))
    assert likeness(np.zeros_like(one), one) == -1


def test_one_scene_in_two_groups_is_found(tmp_path: Path) -> None:
    for name, pixels in (("a", scene(0)), ("b", blurred(scene(0))), ("c", scene(1))):
        PillowImage.fromarray(pixels).save(tmp_path / f"{name}.png")
    images = [Image(name, (Channel(f"{name}.png", "nucleus"),), group=name) for name in "abc"]
    found = same_in_other_groups(tmp_path, images)
    assert [(one, other) for _, one, other in found] == [("a.png", "b.png")]
    assert not same_in_other_groups(tmp_path, [image._replace(group="one") for image in images])


def test_one_file_in_two_groups_is_found(tmp_path: Path) -> None:
    PillowImage.fromarray(scene(0)).save(tmp_path / "a.png")
    images = [Image(key, (Channel("a.png", "nucleus"),), group=key) for key in ("box 1", "box 2")]
    assert [pair[1:] for pair in same_in_other_groups(tmp_path, images)] == [("a.png", "a.png")]
