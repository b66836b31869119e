"""Row order and shard plan.

The order within a category is seeded; shards have about equal bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from builder.draw import U64, key64, mix64
from builder.stages.label.index import encode
from cytoimagenet_reader import layout

Ints = npt.NDArray[np.int64]


class Plan(NamedTuple):
    """The examples in shard order, with their shards and rows."""

    order: Ints
    shards: list[str]  # names, in order
    shard: Ints  # of each example of ``order``, a place in ``shards``
    position: Ints  # row of the shard


def plan_shards(
    categories: pa.ChunkedArray, splits: pa.Array, sizes: Ints, keys: U64, seed: int, shard_bytes: int
) -> Plan:
    """Order the examples and cut them into shards.

    Parameters
    ----------
    categories, splits : of each example, texts
    sizes : bytes of its PNG
    keys : one per example; with ``seed`` the only source of the order

    Returns
    -------
    Plan, its shards sorted by name; a category without examples in a split has no shard of it
    """
    draws = mix64(keys, key64(seed, "order"))
    category_of, split_of = encode(categories), encode(pa.chunked_array([splits]))
    place_of = category_of.codes.astype(np.int64) * len(split_of.values) + split_of.codes
    names: list[str] = []
    orders, shards, positions = [], [], []
    for place in np.unique(place_of).tolist():  # by category, then split
        first, second = divmod(place, len(split_of.values))
        category, split = category_of.values[first], split_of.values[second]
        members = np.flatnonzero(place_of == place)
        members = members[np.lexsort((keys[members], draws[members]))]
        lengths = cut(sizes[members], shard_bytes)
        shards.append(np.repeat(np.arange(len(lengths)) + len(names), lengths))
        names += [layout.shard_name(str(category), str(split), i, len(lengths)) for i in range(len(lengths))]
        positions.append(np.concatenate([np.arange(length) for length in lengths]))
        orders.append(members)
    if not orders:
        nothing = np.empty(0, np.int64)
        return Plan(nothing, [], nothing, nothing)
    return Plan(np.concatenate(orders), names, np.concatenate(shards), np.concatenate(positions))


def cut(sizes: Ints, shard_bytes: int) -> Ints:
    """Return the lengths of contiguous shards of about equal bytes.

    Lengths are in examples. There are ceil(bytes / shard_bytes) shards; none is empty, so there are never more shards
    than examples.
    """
    ends = np.cumsum(sizes)
    total = int(ends[-1])
    shards = max(1, min(-(-total // shard_bytes), len(sizes)))
    wanted = np.arange(1, shards) * total // shards
    cuts = np.searchsorted(ends, wanted, side="right")
    ranks = np.arange(1, shards)
    cuts = np.maximum.accumulate(np.maximum(cuts, ranks) - ranks) + ranks  # at least one example each, from the left
    cuts = np.minimum(cuts, len(sizes) - shards + ranks)  # and one left for each that follows
    return np.diff(np.concatenate(([0], cuts, [len(sizes)])))
