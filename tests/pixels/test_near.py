"""Near-duplicates, against comparing all with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.pixels import near


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(0, 8))
def test_all_pairs_and_no_other(seed, count, most_bits):
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, 5, dtype=np.uint64)[rng.integers(0, 5, count)]  # five families
    for _ in range(4):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64))
    pairs, crowded = near.near_pairs(hashes, most_bits)
    values = [int(value) for value in hashes]
    wanted = [
        [i, j] for i in range(count) for j in range(i + 1, count) if (values[i] ^ values[j]).bit_count() <= most_bits
    ]
    assert pairs.tolist() == wanted
    assert crowded.size == 0


def test_a_crowd_is_named_and_not_squared(monkeypatch):
    monkeypatch.setattr(near, "_MOST_IN_A_BAND", 10)
    pairs, crowded = near.near_pairs(np.zeros(40, np.uint64))
    assert crowded.tolist() == list(range(40))
    assert len(pairs) == 39


def test_too_many_bits():
    with pytest.raises(ValueError, match="most_bits"):
        near.near_pairs(np.zeros(2, np.uint64), 16)
