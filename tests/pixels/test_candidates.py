"""One image's candidates, against the method's sections 3 to 5.

The method is read plainly.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from builder import schema
from builder.draw import Draw
from builder.errors import RejectedError
from builder.pixels import candidates, normalize, percentiles, phash, quality
from builder.recipe import Recipe
from tests.pixels import numpy_kernels
from tests.pixels.plain_method import judge

pytestmark = pytest.mark.slow


def made_up(seed=0, side=300, background=50.0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    light = background + 300 * (1 + np.sin(x / 9 + seed)) * (1 + np.cos(y / 13))
    return rng.poisson(light).astype(np.uint16)


def stretch(values):
    low, high = np.percentile(values, [0.1, 99.9])
    return (np.clip(values, low, high) - low) / (high - low)


def test_crops_are_cut_before_quantising_and_stretched_again():
    channels = [made_up(1), made_up(2), made_up(3)]
    found = candidates.candidates(channels, 4, Draw(0, "a"), Recipe())
    one, two, three = (stretch(channel.astype(float)) for channel in channels)
    merged = (one + two + three) / 3
    assert [one.candidate for one in found] == [0, 1, 2, 3]
    for one in found:
        cut = merged[one.y_min : one.y_max, one.x_min : one.x_max]
        np.testing.assert_array_equal(one.pixels, np.rint(stretch(cut) * 255).astype(np.uint8))
        assert one.crop
        assert one.reason is None
        facts = one.statistics
        assert list(facts) == [name for name, _ in (*schema.STATISTICS, *schema.SUMS)]
        assert (facts["height"], facts["width"]) == one.pixels.shape
        before = np.rint(cut * 255)
        assert facts["mean"] == pytest.approx(before.mean(), rel=1e-12)
        assert facts["p75"] == np.percentile(before, 75)
        assert facts["distinct"] == np.unique(one.pixels).size
        wide = one.pixels.astype(int)
        assert (facts["pixel_sum"], facts["pixel_square_sum"]) == (wide.sum(), (wide**2).sum())
        size = struct.pack("<II", *one.pixels.shape)
        assert facts["pixels_sha256"] == hashlib.sha256(size + one.pixels.tobytes()).digest()


def test_a_small_image_stays_whole():
    (one,) = candidates.candidates([made_up(1, side=139)], 4, Draw(0), Recipe())
    assert (one.candidate, one.crop, one.scaling, one.x_min, one.y_max) == (-1, False, 1.0, None, None)
    np.testing.assert_array_equal(one.pixels, normalize.standardize([made_up(1, side=139)]))


def test_no_crop_wanted_leaves_the_whole():
    (one,) = candidates.candidates([made_up(1)], 0, Draw(0), Recipe())
    assert one.candidate == -1


def test_the_whole_returns_when_every_crop_is_refused():
    recipe = Recipe(crop_mean_above=200.0)  # no crop is that bright
    whole, *refused = candidates.candidates([made_up(1)], 2, Draw(0), recipe)
    assert whole.candidate == -1
    assert [(one.candidate, one.reason, one.pixels) for one in refused] == [
        (0, "crop_too_dark", None),
        (1, "crop_too_dark", None),
    ]
    assert all(one.statistics["mean"] <= 200 for one in refused)
    assert {one.statistics["pixel_sum"] for one in refused} == {None}


def test_an_empty_quadrant_is_refused_and_the_rest_kept():
    """The left half is empty: two quadrants are background only."""
    lit = made_up(4)
    lit[:, :150] = 0
    lit[::7, :150] = 1
    for method, refused in (("ours", {"crop_blank"}), ("paper", {"crop_too_dark", "crop_dim", "crop_uniform"})):
        reasons = {}
        for one in candidates.candidates([lit], 4, Draw(1), Recipe(scalings=(0.5,), method=method)):
            reasons.setdefault(one.x_min, set()).add(one.reason)
        assert reasons[150] == {None}
        assert reasons[0] <= refused


def spots(seed=0, side=560, share=0.15):
    """Return sharp bright discs on black.

    Less than a quarter of all pixels is lit, but more of some windows.
    """
    rng = np.random.default_rng(seed)
    lit = np.zeros((side, side), np.uint16)
    y, x = np.mgrid[:side, :side]
    while (lit > 0).mean() < share:
        row, column = rng.integers(0, side // 2, 2)  # all in the first quadrant
        lit[np.hypot(y - row, x - column) < 30] = rng.integers(500, 900)
    return lit


def test_a_sparse_image_is_judged_by_its_windows():
    image = spots()
    assert np.percentile(image, 75) == 0
    for crops in (1, 2, 4):
        found = candidates.candidates([image], crops, Draw(0, "a"), Recipe())
        kept = [one for one in found if one.reason is None]
        assert kept
        for one in kept:
            assert np.percentile(image[one.y_min : one.y_max, one.x_min : one.x_max], 75) > 0
    with pytest.raises(RejectedError, match="dim"):
        candidates.candidates([image], 4, Draw(0, "a"), Recipe(method="paper"))


def test_a_sparse_image_of_a_single_object_stays_whole():
    (one,) = candidates.candidates([spots()], 0, Draw(0, "a"), Recipe())
    assert (one.candidate, one.reason) == (-1, None)


def test_whether_an_image_is_dim_does_not_depend_on_the_crops_wanted():
    for seed in range(12):
        image = spots(seed, share=0.04)
        outcomes = set()
        for crops in (0, 1, 2, 3, 4):
            try:
                candidates.candidates([image], crops, Draw(0, seed), Recipe())
                outcomes.add("made")
            except RejectedError as refused:
                outcomes.add(refused.reason)
        assert len(outcomes) == 1


def half_blank(seed, side=1200):
    """Return an image with a blank margin in each quadrant.

    The margin is wide and has a little noise; the rest is structure.
    """
    rng = np.random.default_rng(seed)
    image = rng.normal(1000, 2, (side, side))
    half = side // 2
    for row in (0, half):
        for column in (0, half):
            image[row + 300 : row + half, column : column + half] += rng.gamma(2, 300, (half - 300, half))
    return image.astype(np.uint16)


def test_blank_windows_are_drawn_again_inside_their_quadrant():
    again = blank = 0
    for seed in range(20):
        image, draw = half_blank(seed), Draw(0, seed)
        merged = stretch(image.astype(float))
        ours = candidates.candidates([image], 4, Draw(0, seed), Recipe())
        paper = candidates.candidates([image], 4, draw, Recipe(method="paper"))
        for one, plain_one in zip(ours, paper, strict=True):
            first = (plain_one.y_min, plain_one.y_max, plain_one.x_min, plain_one.x_max)
            place = (one.x_min, one.y_min)
            if judge(merged, first, 0.08)[0] != "crop_blank":
                assert place == (plain_one.x_min, plain_one.y_min)
                continue
            blank += 1
            assert one.scaling == plain_one.scaling
            assert (one.x_min >= 600, one.y_min >= 600) == (plain_one.x_min >= 600, plain_one.y_min >= 600)
            if one.reason is None:
                again += 1
                cut = merged[one.y_min : one.y_max, one.x_min : one.x_max]
                low, high = np.percentile(cut, [0.1, 99.9])
                assert one.contrast == pytest.approx(high - low, rel=1e-12)
                assert one.contrast >= 0.08
            else:
                assert one.reason == "crop_blank"
    assert blank > 10
    assert again > blank / 2


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        ([], "unreadable"),
        ([made_up(1), made_up(1, side=200)], "mismatched"),
        ([np.full((200, 200), 3, np.uint8)], "uniform"),
        ([np.arange(40_000).reshape(200, 200) % 2], "binary_mask"),
        ([np.where(np.arange(40_000).reshape(200, 200) % 5 == 0, np.arange(40_000).reshape(200, 200) % 90, 0)], "dim"),
    ],
)
def test_whole_image_rejects(channels, reason):
    with pytest.raises(RejectedError) as caught:
        candidates.candidates(channels, 2, Draw(0), Recipe())
    assert caught.value.reason == reason
    assert reason in schema.REASONS


def test_the_same_with_numpy(monkeypatch):
    channels = [made_up(1), made_up(2), np.random.default_rng(3).integers(0, 256, (300, 300, 3), dtype=np.uint8)]
    channels.append(made_up(4).astype(np.float32))
    sets = [channels, channels[:2], channels[2:3]]
    ours = [one for some in sets for one in candidates.candidates(some, 3, Draw(0, "n"), Recipe())]
    for module in (normalize, percentiles, phash, candidates, quality):
        monkeypatch.setattr(module, "kernels", numpy_kernels)
    again = [one for some in sets for one in candidates.candidates(some, 3, Draw(0, "n"), Recipe())]
    for one, other in zip(ours, again, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.statistics == other.statistics
