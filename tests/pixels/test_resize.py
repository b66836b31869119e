"""Smaller renditions, against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.pixels.resize import reduce


def exact_mean(pixels, y, x, rows, columns):
    """Return the mean of what an output pixel covers.

    Input pixels count by their overlap with the rectangle.
    """
    height, width = pixels.shape
    top, bottom = Fraction(y * height, rows), Fraction((y + 1) * height, rows)
    left, right = Fraction(x * width, columns), Fraction((x + 1) * width, columns)
    total = Fraction(0)
    for i in range(height):
        tall = max(Fraction(0), min(bottom, i + 1) - max(top, i))
        for j in range(width):
            total += tall * max(Fraction(0), min(right, j + 1) - max(left, j)) * int(pixels[i, j])
    return total / ((bottom - top) * (right - left))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 13), st.integers(1, 13), st.integers(1, 12))
def test_exact_area_means(seed, height, width, size):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    out = reduce(pixels, size)
    if max(height, width) <= size:
        np.testing.assert_array_equal(out, pixels)
        return
    assert max(out.shape) == size
    for y, x in np.ndindex(*out.shape):
        wanted = int(exact_mean(pixels, y, x, *out.shape) + Fraction(1, 2))  # half up
        assert out[y, x] == wanted


@pytest.mark.parametrize(("shape", "wanted"), [((520, 696), (167, 224)), ((1000, 10), (224, 2)), ((1000, 1), (224, 1))])
def test_the_ratio_is_kept(shape, wanted):
    assert reduce(np.zeros(shape, np.uint8), 224).shape == wanted


def test_size_0_keeps_it():
    pixels = np.zeros((500, 500), np.uint8)
    assert reduce(pixels, 0) is pixels


def test_fine_stripes_do_not_alias():
    stripes = np.tile(np.array([0, 255], np.uint8), (600, 300))
    assert set(np.unique(reduce(stripes, 200))) <= set(range(85, 172))
