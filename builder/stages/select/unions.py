"""Things that belong together, directly or through others: union-find."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def unions(count: int, pairs: Iterable[tuple[int, int]]) -> Ints:
    """Return the smallest member of each item's connected component.

    Items are numbered from 0, and the pairs connect them; the result is int64 (count,). Union-find with path halving
    (Tarjan & van Leeuwen, J. ACM 1984). The order of the pairs does not matter.
    """
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for first, second in pairs:
        one, other = root(first), root(second)
        parent[max(one, other)] = min(one, other)
    return np.array([root(node) for node in range(count)], np.int64)
