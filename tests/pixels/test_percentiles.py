"""Percentiles, against numpy's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.pixels import percentiles

PERCENTS = st.lists(st.sampled_from([0, 0.1, 25, 50, 75, 99.9, 100]) | st.floats(0, 100), min_size=1)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 300), PERCENTS)
def test_of_histogram_is_numpys(seed, size, levels, percents):
    values = np.random.default_rng(seed).integers(0, levels, size)
    counts = np.bincount(values, minlength=levels)
    got = percentiles.of_histogram(counts, np.arange(levels, dtype=np.float64), percents)
    np.testing.assert_array_equal(got, np.percentile(values.astype(np.float64), percents))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60), st.booleans(), PERCENTS)
def test_of_floats_is_numpys(seed, height, width, few, percents):
    rng = np.random.default_rng(seed)
    merged = rng.integers(0, 7, (height, width)) / 6 if few else rng.random((height, width))
    wanted = np.percentile(merged, percents)
    np.testing.assert_array_equal(percentiles.of_merged(merged, percents), wanted)
    np.testing.assert_array_equal(percentiles.of_values(merged.ravel(), percents), wanted)
