"""The search for the shared groups in validation.

Shared groups have images of several classes, see `select_split`. Each connected set of groups is searched by itself:
all subsets where they are few; else from nothing by flips of one group in drawn order, then by flips of two at the
classes that are worst off, as long as that lowers the cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

UNIT: Final = 1 << 40
"""The cost of a class that is wrong by its whole size."""

_ENUMERABLE = 12  # groups, up to which all subsets are tried
_PASSES = 50
_WORST = 50  # classes at which pairs are tried, a round
_ROUNDS = 5
_SHORT_LIST = 10  # groups of such a class that are paired
_NEAR = UNIT // 40_000  # half a percent from its share: good enough


def choose_shared(tables: Sequence[Ints], group: Ints, klass: Ints, weights: Ints) -> Ints:
    """Return the groups that are validation.

    Parameters
    ----------
    tables : for each class, the cost [v] of having v images in validation
    group, klass, weights : shape (pairs,), images of a class in a group; pairs of one group follow one another
        the groups being in drawn order
    """
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    members = group[starts]
    search = _Search(tables, np.split(klass, starts)[1:], np.split(weights, starts)[1:])
    chosen = []
    for component in _components(search.classes_of, len(tables)):
        if len(component) <= _ENUMERABLE:
            best = search.enumerate(component)
        else:
            descent = _Descent(search, component)
            descent.run()
            best = descent.inside
        chosen.append(members[component[best]])
    return np.concatenate(chosen) if chosen else np.empty(0, np.int64)


class _Search:
    """The groups, and all costs in one array.

    Class k with v images in validation costs cost[offset[k] + v].
    """

    def __init__(self, tables: Sequence[Ints], classes_of: list[Ints], weights_of: list[Ints]) -> None:
        ends = np.cumsum([len(table) for table in tables])
        self.offset: Ints = ends - np.array([len(table) for table in tables])
        self.cost: Ints = np.concatenate(tables)
        self.classes_of = classes_of
        self.weights_of = weights_of

    def enumerate(self, component: Ints) -> Mask:
        """Try every subset; take the first of the cheapest.

        Groups are in drawn order.
        """
        bits = (np.arange(1 << len(component))[:, None] >> np.arange(len(component))) & 1
        used = np.unique(np.concatenate([self.classes_of[g] for g in component]))
        matrix = np.zeros((len(component), len(used)), np.int64)
        for i, g in enumerate(component):
            matrix[i, np.searchsorted(used, self.classes_of[g])] = self.weights_of[g]
        cost = np.zeros(len(bits), np.int64)
        for j, klass in enumerate(used):
            cost += self.cost[self.offset[klass] + bits @ matrix[:, j]]
        found: Mask = bits[cost.argmin()].astype(bool)
        return found


class _Descent:
    """One way down, from no group in validation."""

    def __init__(self, search: _Search, component: Ints) -> None:
        self._table = search.cost
        self._classes = [search.classes_of[g] for g in component]
        self._weights = [search.weights_of[g] for g in component]
        self._place = search.offset.copy()  # of each class in the table: its offset and its images in validation
        self.inside: Mask = np.zeros(len(component), bool)

    def run(self) -> None:
        """Go down until neither flips nor pairs help."""
        self._flips()
        for _ in range(_ROUNDS):
            if not self._pairs():
                break
            self._flips()

    def _gain(self, i: int) -> int:
        """Return by how much flipping a group changes the cost."""
        now = self._place[self._classes[i]]
        then = now - self._weights[i] if self.inside[i] else now + self._weights[i]
        return int((self._table[then] - self._table[now]).sum())

    def _flip(self, i: int) -> None:
        self._place[self._classes[i]] += -self._weights[i] if self.inside[i] else self._weights[i]
        self.inside[i] = not self.inside[i]

    def _flips(self) -> None:
        for _ in range(_PASSES):
            flips = 0
            for i in range(len(self.inside)):
                if self._gain(i) < 0:
                    self._flip(i)
                    flips += 1
            if not flips:
                break

    def _pairs(self) -> bool:
        """Flip pairs of groups at the worst classes where cheaper.

        Return whether any was flipped. The first is one of the class; the second is another of it, or one of the class
        that the first hurts most.
        """
        groups_of: dict[int, list[int]] = {}
        for i, classes in enumerate(self._classes):
            for klass in classes.tolist():
                groups_of.setdefault(klass, []).append(i)
        costs = self._table[self._place]
        worst = np.lexsort((np.arange(len(costs)), -costs))[:_WORST].tolist()
        helped = [self._pair(klass, groups_of) for klass in worst if costs[klass] > _NEAR and klass in groups_of]
        return any(helped)

    def _pair(self, klass: int, groups_of: dict[int, list[int]]) -> bool:
        best, pair = 0, None
        for i in self._short_list(groups_of[klass]):
            alone = self._gain(i)
            self._flip(i)
            hurt = int(self._classes[i][self._table[self._place[self._classes[i]]].argmax()])
            for j in self._short_list({*groups_of[klass], *groups_of[hurt]} - {i})[:1]:
                if alone + self._gain(j) < best:
                    best, pair = alone + self._gain(j), (i, j)
            self._flip(i)
        for i in pair or ():
            self._flip(i)
        return pair is not None

    def _short_list(self, groups: Iterable[int]) -> list[int]:
        return sorted(groups, key=lambda i: (self._gain(i), i))[:_SHORT_LIST]


def _components(classes_of: Sequence[Ints], count: int) -> list[Ints]:
    """Return the sets of groups connected by shared classes."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for classes in classes_of:
        first, *rest = classes.tolist()
        for other in rest:
            parent[root(other)] = root(first)
    members: dict[int, list[int]] = {}
    for i, classes in enumerate(classes_of):
        members.setdefault(root(int(classes[0])), []).append(i)
    return [np.array(found) for found in members.values()]
