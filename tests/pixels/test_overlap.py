"""Overlapping images are found, wherever they were cut.

Nothing else is.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from builder.pixels.keypoints import key_points
from builder.pixels.overlap import OVERLAP, common_part, fine_correlation, overlap, same_grain
from builder.pixels.overlap_candidates import Index, Proposal


def scene(seed: int, side: int = 400) -> np.ndarray:
    """Return blobs of many sizes, unlike one another as cells."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (side // n, side // n), dtype=np.uint8)).resize((side, side), 3)
        )
        for n in (4, 9, 20)
    ]
    return stretched(np.mean(layers, axis=0))


def stretched(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [0.1, 99.9])
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("shift", [(0, 0), (60, 40), (-60, 41), (101, -33)])
def test_two_windows_of_a_scene_are_found_with_their_shift(shift: tuple[int, int]) -> None:
    whole = scene(1)
    top, left = 110, 90
    one = stretched(whole[top : top + 200, left : left + 220])
    other = stretched(255 * (whole[top + shift[0] :, left + shift[1] :][:180, :190] / 255.0) ** 0.8)
    (found,) = Index([key_points(scene(2)), key_points(other)]).proposals([key_points(one)])
    assert (found.first, found.second) == (0, 1)
    assert np.abs(np.subtract(found.shift, shift)).max() <= 2
    common = common_part(one, other, found.shift)
    assert common.correlation > OVERLAP
    assert np.abs(np.subtract(common.shift, shift)).max() <= 1
    rows = min(200, shift[0] + 180) - max(shift[0], 0)
    columns = min(220, shift[1] + 190) - max(shift[1], 0)
    assert common.share == pytest.approx(rows * columns / (180 * 190), abs=0.03)


def test_another_focus_and_noise_do_not_hide_it() -> None:
    whole = scene(3)
    blurred = np.asarray(Image.fromarray(whole).filter(ImageFilter.GaussianBlur(1)))
    noisy = np.clip(blurred + np.random.default_rng(0).normal(0, 5, whole.shape), 0, 255)
    one, other = whole[:250, :250], stretched(noisy[120:, 100:])
    (found,) = Index([key_points(other)]).proposals([key_points(one)])
    assert common_part(one, other, found.shift).correlation > OVERLAP


def test_other_scenes_do_not_overlap() -> None:
    images = [scene(seed, 300) for seed in range(12)]
    points = [key_points(image) for image in images]
    for found in Index(points[:6]).proposals(points[6:]):
        common = common_part(images[6 + found.first], images[found.second], found.shift)
        assert common.correlation < OVERLAP


def test_points_are_the_same_however_the_image_was_cut() -> None:
    """But at the edges, where points depend on their surroundings."""
    whole = scene(4)
    points, cut = key_points(whole), key_points(whole[40:300, 60:360])
    described = {
        tuple(place): words.tobytes() for place, words in zip(points.places.tolist(), points.words, strict=True)
    }
    inside = [n for n, (row, column) in enumerate(cut.places.tolist()) if 16 < row < 114 and 16 < column < 134]
    assert len(inside) > 20
    for n in inside:
        row, column = cut.places[n].tolist()
        assert described[row + 20, column + 30] == cut.words[n].tobytes()


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (32, 32), (33, 400)])
def test_small_images_have_no_points(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert key_points(pixels).words.shape == (0, 4)
    assert Index([key_points(pixels)]).proposals([key_points(scene(5))]) == []
    assert common_part(pixels, scene(5), (0, 0)).correlation < 0.5


def test_blank_images_are_like_nothing() -> None:
    blank = np.full((200, 200), 7, np.uint8)
    assert len(key_points(blank).places) == 0
    assert common_part(blank, blank, (0, 0)).correlation == 0


def round_cell(seed: int, side: int = 72) -> np.ndarray:
    """Return a disc with a rim and a few grains.

    It always has one size and lies in the middle, as a camera with noise records it.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    radius = np.hypot(y, x)
    values = 120.0 - 60 * np.exp(-(((radius - 26) / 2.5) ** 2)) - 20 * (radius < 26)
    for _ in range(3):
        row, column = rng.uniform(-12, 12, 2)
        values -= 15 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
    return stretched(values + rng.normal(0, 3, values.shape))


def test_round_cells_look_alike_and_do_not_overlap() -> None:
    """Their rims coincide.

    But two boxes that hold one and the same cell do overlap.
    """
    one, other = round_cell(1), round_cell(2)
    proposal = Proposal(0, 0, (0, 0), 2)
    assert common_part(one, other, (0, 0)).correlation > OVERLAP
    assert overlap(one, other, proposal) is None
    box, moved = one[:66, :66], stretched(one[6:, 4:])
    found = overlap(box, moved, Proposal(0, 0, (6, 4), 2))
    assert found is not None
    assert found.shift == (6, 4)
    assert fine_correlation(box, moved, (5, 5)) > 0.9  # the shift need not be right to the pixel


def test_no_more_points_are_taken_than_asked_for() -> None:
    """The strongest are taken.

    Of 16, most are also among the 16 of an image that shows a little less.
    """
    whole = scene(6)
    all_of_them = {tuple(place) for place in key_points(whole).places.tolist()}
    few = {tuple(place) for place in key_points(whole, 16).places.tolist()}
    assert len(few) == 16
    assert few < all_of_them
    cut = {(row + 10, column) for row, column in key_points(whole[20:], 16).places.tolist()}
    assert len(few & cut) >= 12


def test_points_of_many_images_are_no_sign() -> None:
    """What over 256 images have in common proposes nothing.

    It may be a mark of the camera.
    """
    points = key_points(scene(7, 200))
    assert len(Index([points] * 256).proposals([points])) == 256
    assert Index([points] * 257).proposals([points]) == []


def test_one_cell_has_one_grain_however_it_is_turned() -> None:
    one, other = round_cell(3), round_cell(4)
    assert not same_grain(one, other)
    for copy in (one[::-1], np.rot90(one), 255 - (255 - one) // 2, one[2:, :-1]):
        assert same_grain(one, np.ascontiguousarray(copy))
    larger = np.asarray(Image.fromarray(one).resize((144, 144), Image.Resampling.BICUBIC))
    assert same_grain(one, larger)
    assert not same_grain(other, larger)
