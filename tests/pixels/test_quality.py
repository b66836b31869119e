"""Quality statistics, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from builder.errors import RejectedError
from builder.pixels import quality
from builder.pixels.phash import phash
from builder.recipe import Recipe


def field(seed=0, shape=(90, 110)):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    values = 120 + 70 * np.sin(x / 17 + seed) * np.cos(y / 13) + rng.normal(0, 4, shape)
    return np.clip(values, 0, 255).astype(np.uint8)


def test_sharpness_is_the_variance_of_the_laplacian_over_the_squared_mean():
    pixels = field()
    values = pixels.astype(float)
    laplacian = [
        values[y - 1, x] + values[y + 1, x] + values[y, x - 1] + values[y, x + 1] - 4 * values[y, x]
        for y in range(1, 89)
        for x in range(1, 109)
    ]
    assert quality.sharpness(pixels) == pytest.approx(np.var(laplacian) / values.mean() ** 2, rel=1e-12)


def test_blur_lowers_sharpness():
    pixels = field()
    wide = pixels.astype(float)
    blurred = (wide[:-1, :-1] + wide[1:, :-1] + wide[:-1, 1:] + wide[1:, 1:]) / 4
    assert quality.sharpness(blurred.astype(np.uint8)) < 0.5 * quality.sharpness(pixels)


@pytest.mark.parametrize("pixels", [np.ones((2, 9), np.uint8), np.zeros((9, 9), np.uint8)])
def test_no_sharpness_without_neighbours_or_light(pixels):
    assert quality.sharpness(pixels) is None


def test_digest_tells_sizes_apart():
    pixels = np.arange(12, dtype=np.uint8)
    assert quality.digest(pixels.reshape(3, 4)) != quality.digest(pixels.reshape(4, 3))
    assert quality.digest(pixels.reshape(3, 4)) == quality.digest(np.asfortranarray(pixels.reshape(3, 4)))


def test_two_grey_levels_are_a_mask_three_are_not():
    counts = np.zeros(256, np.int64)
    counts[[0, 255]] = 5, 95
    with pytest.raises(RejectedError, match="binary_mask"):
        quality.check_intensities(counts)
    counts[128] = 1
    quality.check_intensities(counts)


def test_dim_is_a_75th_percentile_of_0():
    counts = np.zeros(256, np.int64)
    counts[[0, 10, 20]] = 76, 20, 5  # of 101 pixels the 75th percentile is the 76th smallest
    assert quality.is_dim(counts, Recipe())
    counts[[0, 10]] = 75, 21
    assert not quality.is_dim(counts, Recipe())


@pytest.mark.parametrize(("contrast", "reason"), [(0.0, "crop_uniform"), (0.001, None)])
def test_windows_of_one_grey_level(contrast, reason):
    counts = np.zeros(256, np.int64)
    counts[[100, 101]] = 60, 40
    assert quality.refuse_crop(counts, contrast, Recipe(method="paper")) == reason


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ({0: 50, 2: 50}, "crop_too_dark"),
        ({0: 49, 2: 51}, None),
        ({254: 100}, "crop_too_bright"),
        ({253: 1, 254: 99}, None),
        ({0: 80, 60: 20}, "crop_dim"),
    ],
)
def test_crops_are_refused(levels, reason):
    counts = np.zeros(256, np.int64)
    for level, count in levels.items():
        counts[level] = count
    assert quality.refuse_crop(counts, 0.5, Recipe()) == reason


def test_phash_of_alike_and_of_different_images():
    pixels = field(1)
    noisy = np.clip(pixels + np.random.default_rng(9).normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
    darker = (pixels * 0.7).astype(np.uint8)
    half = pixels[::2, ::2]
    for alike in (noisy, darker, half):
        assert (phash(pixels) ^ phash(alike)).bit_count() <= 8
    others = [np.rot90(pixels), pixels[:, ::-1], np.random.default_rng(3).integers(0, 256, pixels.shape, np.uint8)]
    for other in others:
        assert (phash(pixels) ^ phash(np.ascontiguousarray(other))).bit_count() >= 16


def test_phash_by_its_definition():
    """The DCT's lowest frequencies of block means, above their median.

    32 x 32 means, DCT-II, 8 x 8 frequencies; in floats, away from ties.
    """
    pixels = field(2, (64, 96))
    means = pixels.reshape(32, 2, 32, 3).mean(axis=(1, 3))
    n = np.arange(32)
    dct = np.array([np.cos(np.pi * k * (2 * n + 1) / 64) for k in range(8)])
    low = dct @ means @ dct.T
    bits = (low > np.median(low)).ravel()
    wanted = int("".join("1" if bit else "0" for bit in bits), 2)
    assert (phash(pixels) ^ wanted).bit_count() <= 1


def test_phash_of_small_images():
    assert phash(np.full((5, 3), 7, np.uint8)) >= 0


def test_what_a_window_shows_is_told_from_noise_and_from_slivers() -> None:
    """Whether the window is unevenly lit or not.

    A texture at full contrast may look like noise, and is not asked about.
    """
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:130, :174]
    noise = np.clip(rng.normal(100, 3, y.shape), 0, 255)  # a range of 18 to 20 levels: 0.07 to 0.08

    def spot(row: float, column: float, height: float) -> np.ndarray:
        return height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 250)

    for pixels, contrast, blank in (
        (noise, 0.0799, True),
        (noise, 0.1, True),
        (noise + x / 40, 0.1, True),
        (100 + (noise - 100) * 4, 0.31, False),  # noise inside, but of a range at which it may be a texture
        (noise + spot(65, 87, 90), 0.4, False),
        (noise + spot(65, 87, 12), 0.12, False),  # faint, in the middle
        (noise + spot(133, 60, 90), 0.3, True),  # a sliver at the border, noise inside
        (np.where(x < 20, 200, 100.0), 0.4, True),  # the wall of a well, in the outer eighth
        (np.where(x < 40, 200, 100.0), 0.4, False),
        (100 + (noise[:, :8] - 100) * 2, 0.2, False),  # too narrow to tell
    ):
        assert quality.is_blank(np.rint(pixels).astype(np.uint8), contrast, Recipe()) == blank
        assert not quality.is_blank(np.rint(pixels).astype(np.uint8), contrast, Recipe(method="paper"))
