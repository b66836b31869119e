"""Shares of strata by largest remainders, and draws within them."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.draw import U64, mix64, row_keys
from builder.stages.label.index import encode
from builder.stages.label.sampling import Ints, shares, strata_of, stratified

counts_and_size = st.lists(st.integers(1, 500), min_size=1, max_size=40).flatmap(
    lambda counts: st.tuples(st.just(counts), st.integers(0, sum(counts)))
)


def backwards(strata: Ints) -> U64:
    return (1000 - strata).astype(np.uint64)


@settings(deadline=None)
@given(counts_and_size)
def test_shares_are_exact(case: tuple[list[int], int]) -> None:
    counts, size = case
    places = shares(np.array(counts), size, backwards)
    assert places.sum() == size
    for place, count in zip(places.tolist(), counts, strict=True):
        assert abs(place - Fraction(count * size, sum(counts))) < 1
        assert place <= count


@settings(deadline=None)
@given(counts_and_size)
def test_larger_remainders_come_first(case: tuple[list[int], int]) -> None:
    counts, size = case
    exact = [Fraction(count * size, sum(counts)) for count in counts]
    places = shares(np.array(counts), size, backwards).tolist()
    up = [share % 1 for share, place in zip(exact, places, strict=True) if place > share]
    down = [share % 1 for share, place in zip(exact, places, strict=True) if place < share]
    assert not up or not down or min(up) >= max(down)


def test_equal_remainders_go_by_key_then_by_stratum() -> None:
    assert shares(np.array([1, 1, 1]), 2, backwards).tolist() == [0, 1, 1]
    assert shares(np.array([1, 1, 1]), 2, lambda strata: np.zeros(len(strata), np.uint64)).tolist() == [1, 1, 0]


def test_no_overflow_at_full_size() -> None:
    """27 million rows times 10,000 places far exceed 32 bits."""
    assert shares(np.array([26_000_000, 1_000_000]), 10_000, backwards).tolist() == [9630, 370]


def columns_of(*texts: list[str | None]) -> list[pa.ChunkedArray]:
    return [encode(pa.chunked_array([pa.array(column, pa.string())])) for column in texts]


def test_strata_are_numbered_in_the_order_of_their_cells_null_first() -> None:
    columns = columns_of(["b", "a", None, "b", "a"], ["x", "x|y", "z", None, "x"])
    assert strata_of(np.arange(5), columns).tolist() == [4, 2, 0, 3, 1]


def test_an_empty_cell_is_no_null() -> None:
    assert strata_of(np.arange(2), columns_of(["", None])).tolist() == [1, 0]


def test_many_columns_of_many_values() -> None:
    """Strata are numbered although their possible combinations exceed 64 bits.

    Only those that occur are numbered.
    """
    chance = np.random.default_rng(0)
    texts = [[f"v{n}" for n in chance.integers(0, 3000, 5000)] for _ in range(6)]
    again = [column[:2500] * 2 for column in texts]
    ids = strata_of(np.arange(5000), columns_of(*again))
    assert ids.tolist()[:2500] == ids.tolist()[2500:]
    rank = {cells: number for number, cells in enumerate(sorted(set(zip(*again, strict=True))))}
    assert ids.tolist() == [rank[cells] for cells in zip(*again, strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=200), st.data())
def test_each_stratum_gives_its_share(cells: list[str | None], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(cells)))
    keys = row_keys(pa.array([f"src-{i}" for i in range(len(cells))]))
    drawn = stratified(np.arange(len(cells)), keys, columns_of(cells), size, 5)
    assert len(set(drawn.tolist())) == len(drawn) == size
    got = Counter(cells[row] for row in drawn)
    for cell, count in Counter(cells).items():
        assert abs(got[cell] - Fraction(count * size, len(cells))) < 1


@pytest.mark.parametrize("size", [10, 1000])
def test_the_short_cut_for_few_of_many_changes_nothing(size: int) -> None:
    """A partial sort draws the same rows as sorting all.

    Of 100,000 rows it takes the smallest draws of each stratum.
    """
    keys = row_keys(pa.array([f"src-{i}" for i in range(100_000)]))
    cells: list[str | None] = ["rare" if i % 1000 == 0 else f"s{i % 7}" for i in range(100_000)]
    columns = columns_of(cells)
    few = stratified(np.arange(100_000), keys, columns, size, 9)
    every = by_sorting(keys, cells, Counter(cells[row] for row in few))
    assert sorted(few.tolist()) == every


def by_sorting(keys: npt.NDArray[np.uint64], cells: list[str | None], places: Counter[str | None]) -> list[int]:
    taken = []
    for row in np.argsort(mix64(keys, 9)).tolist():
        if places[cells[row]] > 0:
            places[cells[row]] -= 1
            taken.append(row)
    return sorted(taken)
