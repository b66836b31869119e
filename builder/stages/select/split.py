"""The split into training and validation (method, section 6).

Groups stay whole, and each class comes as near to its share as possible. A group with images of one class only is
*private*, any other *shared*. The private groups of a class can be chosen exactly (subset sums); so the search goes
over the shared groups alone, with the cost of a class looked up in a table of its validation images in shared groups.
The cost of a class is its squared relative deviation; a side without images, where two groups exist, costs more than
any deviation. Costs are whole numbers, so that sums do not depend on their order.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from builder.draw import U64, mix64
from builder.stages.select.split_bound import Bounded
from builder.stages.select.split_search import UNIT, Ints, choose_shared

_EMPTY_SIDE = 16 * UNIT
_ROUNDING = 1e-9  # 0.2 of 30 images are 6


@dataclasses.dataclass(frozen=True)
class _Class:
    """One class's possible private sums, and costs by shared images.

    Both count images in validation.
    """

    private: Ints  # groups, in drawn order
    sizes: Ints  # their images
    sums: list[int]  # sums[i]: bit s is set if a subset of the first i private groups has s images
    groups: int  # with images of it, shared or not
    best: Ints  # [v]: private images in validation that suit v shared ones best
    cost: Ints  # [v]: cost of that


def split_groups(
    classes: Ints, groups: Ints, group_keys: U64, share: float, salt: int, most: float = 1.0
) -> npt.NDArray[np.bool_]:
    """Choose the groups that are validation.

    Parameters
    ----------
    classes, groups : shape (images,), the class and the group of each, numbered from 0
    group_keys : shape (groups,), from the groups' names; with ``salt`` the only source of chance
    share : of each class, in [0, 1)
    most : share of all images that validation never exceeds; for this, classes go without

    Returns
    -------
    bool, shape (groups,)
    """
    validation = np.zeros(len(group_keys), bool)
    if share == 0 or not len(classes):
        return validation
    count = int(classes.max()) + 1
    pairs, weights = np.unique(groups * count + classes, return_counts=True)
    pair_group, pair_class = np.divmod(pairs, count)
    order = np.lexsort((mix64(group_keys, salt)[pair_group],))
    pair_group, pair_class, weights = pair_group[order], pair_class[order], weights[order]
    shared = np.bincount(pair_group, minlength=len(group_keys))[pair_group] > 1
    made = _classes(pair_group, pair_class, weights, shared, count, share)
    pairs = (pair_group[shared], pair_class[shared], weights[shared])
    chosen = choose_shared([one.cost for one in made], *pairs)
    in_shared = np.zeros(count, np.int64)
    inside = np.isin(pairs[0], chosen)
    np.add.at(in_shared, pairs[1][inside], pairs[2][inside])
    private = np.array([one.best[images] for one, images in zip(made, in_shared, strict=True)], np.int64)
    limit = int(most * len(classes) + _ROUNDING)
    if (private + in_shared).sum() > limit:
        chosen, private = _bounded(made, pairs, chosen, private, np.bincount(classes, minlength=count), share, limit)
    validation[chosen] = True
    for one, images in zip(made, private.tolist(), strict=True):
        validation[_subset(one, images)] = True
    return validation


def _bounded(
    made: list[_Class],
    pairs: tuple[Ints, Ints, Ints],
    chosen: Ints,
    private: Ints,
    totals: Ints,
    share: float,
    limit: int,
) -> tuple[Ints, Ints]:
    """Return validation's shared groups and private images, within ``limit``."""
    several = np.array([one.groups > 1 for one in made])

    def cost(classes: Ints, images: Ints) -> Ints:
        return _cost(images, totals[classes], share, several[classes])

    sums = [_bits(one.sums[-1]) for one in made]
    split = Bounded(*pairs, chosen, private, sums, (share * totals).astype(np.float64), cost)
    split.lower(limit)
    split.fill(limit, lambda klass, images: int(made[klass].best[images]))
    return split.members[split.inside], split.private


def _classes(
    group: Ints, klass: Ints, weights: Ints, shared: npt.NDArray[np.bool_], count: int, share: float
) -> list[_Class]:
    by_class = np.argsort(klass, kind="stable")
    ends = np.cumsum(np.bincount(klass, minlength=count))
    out = []
    for members in np.split(by_class, ends[:-1]):
        own = members[~shared[members]]
        sizes = weights[own]
        sums = [1]
        for size in sizes.tolist():
            sums.append(sums[-1] | sums[-1] << size)
        in_shared = int(weights[members].sum() - sizes.sum())
        best, cost = _table(_bits(sums[-1]), in_shared, int(weights[members].sum()), share, len(members))
        out.append(_Class(group[own], sizes, sums, len(members), best, cost))
    return out


def _bits(word: int) -> Ints:
    """Return the places of the set bits, ascending."""
    data = np.frombuffer(word.to_bytes(word.bit_length() // 8 + 1, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(data, bitorder="little")).astype(np.int64)


def _table(sums: Ints, in_shared: int, total: int, share: float, groups: int) -> tuple[Ints, Ints]:
    """Return the best private sum and cost per shared count.

    Shared counts are 0 ... in_shared images in validation.
    """
    shared = np.arange(in_shared + 1)
    low, high = (1, total - 1) if groups > 1 else (0, total)
    wish = np.clip(share * total, low, high) - shared
    after = np.searchsorted(sums, wish)
    options = np.stack([sums[np.maximum(after - 1, 0)], sums[np.minimum(after, len(sums) - 1)]])
    cost = _cost(options + shared, np.array(total), share, np.array(groups > 1))
    pick = cost.argmin(axis=0)
    return options[pick, shared], cost[pick, shared]


def _cost(images: Ints, totals: Ints, share: float, several: npt.NDArray[np.bool_]) -> Ints:
    """Return the cost of ``images`` in validation for each class."""
    cost: Ints = np.rint(((images - share * totals) / np.maximum(totals, 1)) ** 2 * UNIT).astype(np.int64)
    empty = several & ((images < 1) | (images > totals - 1))
    return cost + _EMPTY_SIDE * empty


def _subset(one: _Class, total: int) -> Ints:
    """Return the first private groups that total ``total`` images.

    First in drawn order.
    """
    taken = []
    for i in range(len(one.private), 0, -1):
        if not one.sums[i - 1] >> total & 1:
            taken.append(i - 1)
            total -= int(one.sizes[i - 1])
    return one.private[taken]
