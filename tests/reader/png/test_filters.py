"""PNG filters equal numpy's, and are undone by definition.

Undoing is compared with the definition one byte at a time.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoimagenet_reader.png import filters
from cytoimagenet_reader.png.unfilter import unfilter
from tests.reader.png import numpy_filters

SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 90)


def some_pixels(seed, height, width):
    """Draw noise, or blocks of few levels.

    Filters and rows differ in them.
    """
    rng = np.random.default_rng(seed)
    if seed % 2:
        return rng.integers(0, 256, (height, width), dtype=np.uint8)
    return np.repeat(rng.integers(0, 4, (height, -(-width // 7)), dtype=np.uint8) * 80, 7, axis=1)[:, :width].copy()


@settings(max_examples=60, deadline=None)
@given(SEEDS, SIDES, SIDES)
def test_filtered_rows_and_their_counts(seed, height, width):
    pixels = some_pixels(seed, height, width)
    np.testing.assert_array_equal(filters.average_rows(pixels), numpy_filters.average_rows(pixels))
    np.testing.assert_array_equal(filters.paeth_rows(pixels), numpy_filters.paeth_rows(pixels))
    for first, step in ((0, 1), (1, 3)):
        counts = filters.filter_counts(pixels, first, step)
        np.testing.assert_array_equal(counts, numpy_filters.filter_counts(pixels, first, step))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(1, 40), st.sampled_from([1, 2, 3, 4, 6, 8]))
def test_unfilter_by_the_definition(seed, height, width, step):
    """One byte at a time (PNG, section 9.2)."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (height, 1 + width * step), dtype=np.uint8)
    rows[:, 0] = rng.integers(0, 5, height) if seed % 3 else 4
    out = np.empty((height, width * step), np.uint8)
    assert unfilter(rows, step, out)
    wanted = np.zeros_like(out)
    for y in range(height):
        for x in range(width * step):
            a = int(wanted[y, x - step]) if x >= step else 0
            b = int(wanted[y - 1, x]) if y else 0
            c = int(wanted[y - 1, x - step]) if y and x >= step else 0
            nearest = min((a, b, c), key=lambda v: abs(a + b - c - v))  # min takes the first of equals: a, b, c
            guess = (0, a, b, (a + b) // 2, nearest)[rows[y, 0]]
            wanted[y, x] = (int(rows[y, x + 1]) + guess) % 256
    np.testing.assert_array_equal(out, wanted)


def test_unfilter_knows_five_filters():
    rows = np.full((2, 4), 5, np.uint8)
    assert not unfilter(rows, 1, np.empty((2, 3), np.uint8))
