"""Standardising, against a plain float64 reading of the method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import RejectedError
from builder.pixels import standardize


def plain(channels):
    """Standardise by section 3 of the method, word for word.

    In numpy float64 with its sort.
    """
    scaled = []
    for channel in channels:
        values = channel.astype(np.float64)
        if values.ndim == 3:
            values = values[..., :3].mean(axis=2)
        known = np.isfinite(values)
        low, high = np.percentile(values[known], [0.1, 99.9]) if known.any() else (0, 0)
        if low == high:
            continue
        values = np.where(known, values, low)
        scaled.append((np.clip(values, low, high) - low) / (high - low))
    if not scaled:
        return None
    total = scaled[0].copy()
    for other in scaled[1:]:
        total += other
    return np.rint(total / len(scaled) * 255).astype(np.uint8)


DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64", ">u2", ">i4"]
FLOATS = ["float16", "float32", "float64", ">f4"]


def made_up(rng, dtype, shape, kind):
    """Return a channel of a given kind.

    Noise, constant, two values, or saturated noise.
    """
    if np.dtype(dtype).kind == "f":
        values = rng.normal(500, 300, shape)
    elif dtype == "bool":
        values = rng.integers(0, 2, shape)
    else:
        bounds = np.iinfo(dtype)
        low, high = max(bounds.min, -(2**40)), min(bounds.max, 2**40)
        if kind == "narrow":
            low, high = max(low, -3000), min(high, 4095)
        values = rng.integers(low, high, shape, endpoint=True)
    if kind == "constant":
        values = np.full(shape, values.flat[0])
    elif kind == "two":
        values = np.where(rng.random(shape) < 0.4, values.flat[0], values.flat[-1])
    elif kind == "saturated":
        values = np.where(rng.random(shape) < 0.3, values.max(), values)
    return values.astype(dtype)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.lists(
        st.tuples(
            st.sampled_from(DTYPES),
            st.sampled_from(["noise", "narrow", "constant", "two", "saturated"]),
            st.sampled_from([(), (3,), (4,)]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_integers_to_the_last_bit(seed, height, width, channels):
    rng = np.random.default_rng(seed)
    made = [made_up(rng, dtype, (height, width, *colours), kind) for dtype, kind, colours in channels]
    wanted = plain(made)
    if wanted is None:
        with pytest.raises(RejectedError, match="uniform"):
            standardize(made)
    else:
        np.testing.assert_array_equal(standardize(made), wanted)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(FLOATS),
    colours=st.sampled_from([(), (3,), (4,)]),
    missing=st.sampled_from([0, 0.01, 0.5]),
)
def test_floats_within_one_level(seed, dtype, colours, missing):
    rng = np.random.default_rng(seed)
    made = made_up(rng, dtype, (23, 31, *colours), "noise")
    made[rng.random(made.shape) < missing] = np.nan
    made[rng.random(made.shape) < missing / 2] = np.inf
    difference = standardize([made]).astype(int) - plain([made])
    assert np.abs(difference).max() <= 1


def test_missing_pixels_are_black_and_shift_no_percentile():
    ramp = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    holed = ramp.copy()
    holed[99, 99] = np.nan
    out = standardize([holed])
    assert out[99, 99] == 0
    assert out[99, 98] == 255


def test_a_flat_channel_does_not_dim_the_others():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    np.testing.assert_array_equal(standardize([ramp, np.full_like(ramp, 7)]), standardize([ramp]))


def test_opacity_is_not_light():
    rng = np.random.default_rng(4)
    colour = rng.integers(0, 256, (50, 60, 4), dtype=np.uint8)
    np.testing.assert_array_equal(standardize([colour]), standardize([colour[..., :3]]))


def test_16_bit_keeps_dim_detail():
    """A dim 12-bit image in 16 bits keeps its detail.

    An 8-bit reader would leave 16 levels and mostly black.
    """
    rng = np.random.default_rng(5)
    dim = rng.integers(100, 400, (200, 200), dtype=np.uint16)
    out = standardize([dim])
    assert np.unique(out).size == 256
    assert 120 < out.mean() < 135


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        ([], "unreadable"),
        ([np.zeros((3, 4)), np.zeros((4, 3))], "mismatched"),
        ([np.full((5, 5), 9, np.uint8), np.full((5, 5, 3), 2, np.uint16)], "uniform"),
        ([np.full((5, 5), np.nan)], "uniform"),
    ],
)
def test_rejects(channels, reason):
    with pytest.raises(RejectedError) as caught:
        standardize(channels)
    assert caught.value.reason == reason
