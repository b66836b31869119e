"""Upper bound on the size of validation.

Where classes share groups so that their shares cannot be held, some classes go without validation images. What leaves
validation are groups of classes that are above their share, those first that cost least for the images that they free.
A class at or below its share is touched only where it shares such a group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass
class Bounded:
    """A split that is being lowered below a limit.

    Parameters
    ----------
    group, klass, weights : shape (pairs,), images of a class in a group that several classes share; pairs of one group
        follow one another
    inside : groups that are in validation
    private : shape (classes,), images in validation in groups of one class only
    sums : for each class, the numbers of images that such groups can have together, ascending, from 0
    wanted : shape (classes,), images that are the class's share
    cost : of so many images in validation, for classes given by number
    """

    group: Ints
    klass: Ints
    weights: Ints
    chosen: Ints
    private: Ints
    sums: Sequence[Ints]
    wanted: npt.NDArray[np.float64]
    cost: Callable[[Ints, Ints], Ints]

    def __post_init__(self) -> None:
        """Count what is in validation."""
        self._starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        self._lengths = np.diff(self._starts, append=len(self.group))
        self.members: Ints = self.group[self._starts]
        self.inside: Mask = np.isin(self.members, self.chosen)
        self._images = self.private.copy()  # of each class, in validation
        pairs = np.repeat(self.inside, self._lengths)
        np.add.at(self._images, self.klass[pairs], self.weights[pairs])

    @property
    def shared(self) -> Ints:
        """Images of each class in validation's shared groups."""
        images: Ints = self._images - self.private
        return images

    def lower(self, limit: int) -> None:
        """Remove groups until validation has at most ``limit`` images.

        ``limit`` must be at least the share.
        """
        while self._images.sum() > limit:
            above = self._images > self.wanted
            group, of_group = self._cheapest_group(above)
            klass, of_class = self._cheapest_class(above)
            if of_group <= of_class:
                self._flip(group)
            else:
                self._set_private(klass, self._smaller(klass))

    def fill(self, limit: int, best: Callable[[int, int], int]) -> None:
        """Fill validation up to ``limit`` where that lowers the cost.

        First come private groups that suit the shared ones, then groups that lower the cost.

        Parameters
        ----------
        best : of a class and its shared images in validation, the private ones that suit them best
        """
        for klass, images in enumerate(self.shared.tolist()):
            suits = best(klass, images)
            room = limit - int(self._images.sum())
            if suits - self.private[klass] <= room and self._private_change(klass, suits) < 0:
                self._set_private(klass, suits)
        changes = self._group_changes(1)
        for number in np.flatnonzero(~self.inside & (changes < 0)).tolist():
            pairs = self._pairs(number)
            fits = self.weights[pairs].sum() <= limit - self._images.sum()
            if fits and self._pair_changes(pairs, 1).sum() < 0:
                self._flip(number)

    def _cheapest_group(self, above: Mask) -> tuple[int, float]:
        """Return the cheapest group to remove, and its image price."""
        if not self.inside.any():
            return -1, np.inf
        useful = self.inside & np.logical_or.reduceat(above[self.klass], self._starts)
        price = self._group_changes(-1) / np.add.reduceat(self.weights, self._starts)
        price = np.where(useful, price, np.inf)
        return int(price.argmin()), float(price.min())

    def _cheapest_class(self, above: Mask) -> tuple[int, float]:
        """Return the cheapest class to lower, and its image price.

        A class is lowered by one step of its private groups.
        """
        prices = {
            klass: self._private_change(klass, smaller) / (int(self.private[klass]) - smaller)
            for klass in np.flatnonzero(above & (self.private > 0)).tolist()
            for smaller in [self._smaller(klass)]
        }
        if not prices:
            return -1, np.inf
        klass = min(prices, key=lambda klass: (prices[klass], klass))
        return klass, prices[klass]

    def _smaller(self, klass: int) -> int:
        sums = self.sums[klass]
        return int(sums[np.searchsorted(sums, self.private[klass]) - 1])

    def _private_change(self, klass: int, images: int) -> int:
        """Return the cost change for a class's new private count."""
        now = self._images[klass]
        classes, counts = np.array([klass, klass]), np.array([now, now - self.private[klass] + images])
        before, after = self.cost(classes, counts).tolist()
        return int(after - before)

    def _set_private(self, klass: int, images: int) -> None:
        self._images[klass] += images - self.private[klass]
        self.private[klass] = images

    def _group_changes(self, sign: int) -> Ints:
        """Return the cost change of adding or removing each group.

        ``sign`` is 1 for adding and -1 for removing.
        """
        if not len(self.members):
            return np.empty(0, np.int64)
        changes: Ints = np.add.reduceat(self._pair_changes(slice(None), sign), self._starts)
        return changes

    def _pair_changes(self, pairs: slice, sign: int) -> Ints:
        klass, now = self.klass[pairs], self._images[self.klass[pairs]]
        return self.cost(klass, now + sign * self.weights[pairs]) - self.cost(klass, now)

    def _flip(self, number: int) -> None:
        pairs = self._pairs(number)
        self._images[self.klass[pairs]] += (-1 if self.inside[number] else 1) * self.weights[pairs]
        self.inside[number] = not self.inside[number]

    def _pairs(self, number: int) -> slice:
        start = int(self._starts[number])
        return slice(start, start + int(self._lengths[number]))
