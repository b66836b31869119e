from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.demo.cells import ORGANELLES, Traits, blur, camera, field, stained


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(20, 60), st.integers(20, 60))
def test_fields_have_every_organelle_and_come_again_from_their_seed(seed: int, height: int, width: int) -> None:
    planes = field(rng(seed), height, width, Traits())
    again = field(rng(seed), height, width, Traits())
    assert tuple(planes) == ORGANELLES
    for name, plane in planes.items():
        assert plane.shape == (height, width)
        assert (plane >= 0).all()
        np.testing.assert_array_equal(plane, again[name])


def test_traits_show_in_the_image() -> None:
    small = field(rng(), 160, 160, Traits(nucleus=4))["nucleus"]
    large = field(rng(), 160, 160, Traits(nucleus=10))["nucleus"]
    assert large.sum() > 3 * small.sum()
    few, many = (field(rng(), 160, 160, Traits(spots=spots))["mitochondria"].sum() for spots in (3, 30))
    assert many > 5 * few


def test_blur_keeps_the_light_and_has_no_seams() -> None:
    plane = np.zeros((31, 31))
    plane[15, 15] = 1
    spread = blur(plane, 2.0)
    assert spread.sum() == pytest.approx(1, abs=1e-6)
    assert spread.max() == pytest.approx(1 / (2 * np.pi * 4), rel=0.02)
    edge = np.zeros((31, 31))
    edge[:, 0] = 1
    assert blur(edge, 1.0)[:, -1].max() < 1e-9


def test_cameras_count_photons_above_their_offset_and_saturate() -> None:
    plane = np.full((200, 200), 1.0)
    counts = camera(rng(), plane, photons=400, offset=100, gain=2.0, top=4095)
    assert counts.mean() == pytest.approx(100 + 2 * 400 * 1.03, rel=0.01)
    assert counts.var() == pytest.approx(4 * 400 * 1.03 + 1, rel=0.1)
    assert camera(rng(), plane, photons=4000, offset=0, gain=2.0, top=255).max() == 255


def test_dye_darkens_what_its_colour_absorbs() -> None:
    absorbance = np.zeros((40, 40))
    absorbance[10:30, 10:30] = 1.0
    image = stained(rng(), absorbance, (0.0, 2.0, 0.0)).astype(float)
    inside, outside = image[15:25, 15:25].mean((0, 1)), image[:5, :5].mean((0, 1))
    assert inside[1] < 0.3 * outside[1]
    assert inside[0] > 0.9 * outside[0]
