"""The order of the rows and the cuts between shards."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.draw import row_keys
from builder.stages.select.plan_shards import cut, plan_shards


def texts(categories: list[str], splits: list[str]) -> tuple[pa.ChunkedArray, pa.Array]:
    return pa.chunked_array([categories]), pa.array(splits)


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=80), st.integers(1, 3000))
def test_cuts(sizes: list[int], shard_bytes: int) -> None:
    lengths = cut(np.array(sizes), shard_bytes)
    assert len(lengths) == min(len(sizes), -(-sum(sizes) // shard_bytes))
    assert lengths.sum() == len(sizes)
    assert lengths.min() >= 1


@settings(deadline=None)
@given(st.lists(st.integers(1, 100), min_size=200, max_size=300), st.integers(1000, 5000))
def test_shards_are_balanced(sizes: list[int], shard_bytes: int) -> None:
    """Cuts lie within one example of equal shares."""
    lengths = cut(np.array(sizes), shard_bytes)
    ends = np.cumsum(sizes)[np.cumsum(lengths) - 1]
    wanted = sum(sizes) * (np.arange(len(lengths)) + 1) / len(lengths)
    assert np.abs(ends - wanted).max() <= max(sizes)


def test_a_giant_example_leaves_no_shard_empty() -> None:
    assert cut(np.array([1, 1, 10_000, 1, 1]), 2501).tolist() == [2, 1, 1, 1]


def test_rows_of_a_category_are_mixed() -> None:
    """Any 100 consecutive rows hold all ten classes.

    The classes come in blocks of 300; a shuffle buffer needs them mixed.
    """
    labels = np.repeat(np.arange(10), 300)
    keys = row_keys(pa.array([f"src-{i}" for i in range(3000)]))
    plan = plan_shards(*texts(["gene"] * 3000, ["train"] * 3000), np.full(3000, 10), keys, 0, 10_000)
    assert plan.shards == [f"data/gene/train-{i:05d}-of-00003" for i in range(3)]
    assert sorted(plan.order.tolist()) == list(range(3000))
    ordered = labels[plan.order]
    assert all(len(set(ordered[start : start + 100].tolist())) == 10 for start in range(0, 3000, 100))


def test_shards_by_category_and_split() -> None:
    keys = row_keys(pa.array(["a", "b", "c", "d"]))
    of_each = texts(["gene", "gene", "sirna", "gene"], ["train", "validation"] + ["train"] * 2)
    plan = plan_shards(*of_each, np.full(4, 9), keys, 0, 9)
    names = [plan.shards[shard] for shard in plan.shard]
    assert Counter(names) == {
        "data/gene/train-00000-of-00002": 1,
        "data/gene/train-00001-of-00002": 1,
        "data/gene/validation-00000-of-00001": 1,
        "data/sirna/train-00000-of-00001": 1,
    }
    assert names == sorted(names)
    assert plan.position.tolist() == [0, 0, 0, 0]


def test_the_seed_orders() -> None:
    keys = row_keys(pa.array([f"src-{i}" for i in range(50)]))
    plans = [plan_shards(*texts(["gene"] * 50, ["train"] * 50), np.full(50, 1), keys, seed, 100) for seed in (0, 0, 1)]
    assert plans[0].order.tolist() == plans[1].order.tolist() != plans[2].order.tolist()
