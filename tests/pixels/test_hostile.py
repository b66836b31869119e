"""Broken files end as rejects.

No crash, no hang, bounded memory.
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.draw import Draw
from builder.errors import RejectedError
from builder.pixels.candidates import candidates
from builder.pixels.read import read
from builder.recipe import Recipe


def test_thousands_of_damaged_files():
    from tests.pixels import hostile

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        count, slowest, peak, outcomes = alone.submit(hostile.run).result()
    assert count > 3000
    assert slowest < 1
    assert 50 << 20 < peak < 300 << 20 or sys.platform == "win32"  # not measured there
    assert set(outcomes) <= {"read", "unreadable", "too_large"}
    assert outcomes["unreadable"] > count / 3  # damage is noticed


BEGINNINGS = [b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary())
def test_anything_after_a_true_beginning(beginning, rest):
    assert outcome(beginning + rest) in ("read", "unreadable", "too_large")


def outcome(data):
    try:
        read(data, max_pixels=1_000_000)
    except RejectedError as error:
        return error.reason
    return "read"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["float16", "float32", "float64"]), st.integers(1, 200))
def test_floats_full_of_nothing(seed, dtype, side):
    """NaN, infinities and extremes never cause errors or warnings.

    Such floats give images or rejects; the extremes are the largest and smallest floats.
    """
    rng = np.random.default_rng(seed)
    odd = np.array([np.nan, np.inf, -np.inf, 0, -0.0, np.finfo(dtype).max, np.finfo(dtype).min, np.finfo(dtype).tiny])
    values = rng.choice(odd, (side, side)).astype(dtype)
    values[rng.random(values.shape) < 0.5] = 1
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        try:
            found = candidates([values], 2, Draw(0), Recipe())
        except RejectedError:
            return
    assert all(one.pixels is None or one.pixels.dtype == np.uint8 for one in found)
