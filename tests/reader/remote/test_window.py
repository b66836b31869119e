"""Invariants of the window.

Never more than its share, blocks that cover a piece, growth while the reader waits.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytoimagenet_reader.remote.window import MOST, Window

BYTES = st.integers(0, 1 << 30)
RATE = st.floats(0, 1e10)
DELAY = st.floats(0, 2)
SHARING = st.integers(0, 20)


@given(BYTES, RATE, DELAY, SHARING, st.lists(st.tuples(BYTES, BYTES, RATE, DELAY, SHARING), max_size=20))
def test_all_windows_of_a_process_together_are_bounded(
    first: int, rate: float, delay: float, sharing: int, steps: list[tuple[int, int, float, float, int]]
) -> None:
    window = Window(first, rate, delay, sharing)
    assert 0 < window.size <= MOST // max(sharing, 1)
    for landed, piece, rate_now, delay_now, sharing_now in steps:
        window.grow(landed, piece, rate_now, delay_now, sharing_now)
        assert 0 < window.size <= MOST // max(sharing_now, 1)


@given(st.integers(1, 1 << 30), BYTES, RATE, DELAY)
def test_blocks_cover_a_piece_once(size: int, first: int, rate: float, delay: float) -> None:
    window = Window(first, 0, 0.05, 1)
    bounds = window.blocks(size, rate, delay)
    assert (bounds[0], bounds[-1]) == (0, size)
    assert all(0 < b - a <= 12 << 20 for a, b in itertools.pairwise(bounds))


def test_blocks_of_all_connections_are_three_times_what_is_under_way() -> None:
    """12.5 MB are in flight; the window is 50 MB.

    The rate is 125 MB/s, the round trip 100 ms.
    """
    bounds = Window(0, 125e6, 0.1, 1).blocks(160_000_000, 125e6, 0.1)
    assert max(b - a for a, b in itertools.pairwise(bounds)) * 16 < 1.02 * 3 * 12_500_000
    short = Window(0, 125e6, 0.1, 1).blocks(160_000_000, 125e6, 0.001)  # never below 2 MB: each costs processor time
    assert min(b - a for a, b in itertools.pairwise(short)) > 2_000_000


@pytest.mark.parametrize("known", [True, False])
def test_it_trebles_each_round_trip_while_the_reader_waits(known: bool) -> None:
    """A whole window lands in each round trip.

    The rate need not be known.
    """
    window = Window(1 << 20, 0, 0.1, 1)
    sizes = [window.size]
    for number in range(5):
        window.grow(window.size, 100_000, 125e6 if known or number > 1 else 0, 0.1, 1)
        sizes.append(window.size)
    cap = int(4 * 125e6 * 0.1) + 300_000
    assert sizes == [2 << 20, 6 << 20, 18 << 20, cap, cap, cap]


def test_a_slow_line_needs_16_megabytes() -> None:
    window = Window(0, 0, 0.05, 1)
    for _ in range(20):
        window.grow(8 << 20, 1000, 1e6, 0.01, 1)
    assert window.size == 16 << 20


def test_what_was_measured_before_is_used_at_once() -> None:
    assert Window(0, 125e6, 0.1, 1).size == 50_000_000
