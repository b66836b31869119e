"""Do two images show one part of a scene? Key points propose how one lies on the other, and the pixels decide.

`docs/split.md` says how the numbers were found.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.pixels.keypoints import SQUARE, WORDS, KeyPoints, structure

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

OVERLAP: Final = 0.75
"""Correlation of the structure of the common part above which two images overlap."""
LEAST_SIDE: Final = 12
"""Squares of a side of the common part; less says nothing."""

_POINTS: Final = 2  # that must agree on how the images lie
_BIN: Final = 4  # squares within which they agree
_CROWD: Final = 64  # points with one word: what so many have in common is no sign
_NEAR: Final = 2  # squares around the proposed place that are tried


class Proposal(NamedTuple):
    """Two images that may overlap: the place (row, column) of the second's corner in the first, in pixels."""

    first: int
    second: int
    shift: tuple[int, int]
    points: int  # that agree


class Index:
    """The key points of some images, to be asked with those of others.

    Parameters
    ----------
    found : the points of each image
    """

    def __init__(self, found: Sequence[KeyPoints]) -> None:
        self._image, self._places, words = _joined(found)
        self._orders = [np.argsort(words[:, word], kind="stable") for word in range(WORDS)]
        self._sorted = [words[order, word] for word, order in enumerate(self._orders)]

    def proposals(self, found: Sequence[KeyPoints]) -> list[Proposal]:
        """Return which images may overlap: ``first`` one of these, ``second`` one of the index; sorted.

        Two points match where one of their four words is the same. Two images are proposed where at least two points
        of each match and say the same shift; of several shifts that which most points say.
        """
        image, places, words = _joined(found)
        ours, theirs = self._matches(words)
        shifts = places[ours] - self._places[theirs]
        return _agreed(image[ours], self._image[theirs], shifts)

    def _matches(self, words: U32) -> tuple[I64, I64]:
        """Return the pairs of points, ours and of the index, that have a word in common, each once."""
        pairs = [np.empty(0, np.int64)]
        count = len(self._image)
        for word, (order, known) in enumerate(zip(self._orders, self._sorted, strict=True)):
            asked = np.argsort(words[:, word], kind="stable")  # neighbours are looked up close to one another
            first, last = (np.searchsorted(known, words[asked, word], side) for side in ("left", "right"))
            sizes = np.where(last - first > _CROWD, 0, last - first)
            within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            pairs.append(np.repeat(asked, sizes) * count + order[np.repeat(first, sizes) + within])
        ours, theirs = np.divmod(np.unique(np.concatenate(pairs)), max(1, count))
        return ours, theirs


def _joined(found: Sequence[KeyPoints]) -> tuple[I64, I32, U32]:
    """Return the image, the place and the words of all points."""
    image = np.repeat(np.arange(len(found)), [len(one.places) for one in found])
    places = np.concatenate([np.empty((0, 2), np.int32), *(one.places for one in found)])
    words = np.concatenate([np.empty((0, WORDS), np.uint32), *(one.words for one in found)])
    return image.astype(np.int64), places, words


def _agreed(first: I64, second: I64, shifts: I32) -> list[Proposal]:
    """Return a proposal for each two images of which enough matches say one shift."""
    best: dict[tuple[int, int], Proposal] = {}
    for offsets in itertools.product((0, _BIN // 2), repeat=2):  # a shift near the bound of one grid is inside another
        bins = (shifts + np.array(offsets, np.int32)) // _BIN
        table = np.stack([first, second, bins[:, 0], bins[:, 1]], axis=1)
        kinds, where, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
        sums = np.zeros((len(kinds), 2))
        np.add.at(sums, where.reshape(-1), shifts)
        for kind in np.flatnonzero(counts >= _POINTS).tolist():
            pair, points = (int(kinds[kind, 0]), int(kinds[kind, 1])), int(counts[kind])
            row, column = np.rint(sums[kind] / points).astype(int).tolist()
            if pair not in best or points > best[pair].points:
                best[pair] = Proposal(*pair, (SQUARE * row, SQUARE * column), points)
    return [best[pair] for pair in sorted(best)]


class Common(NamedTuple):
    """What two images have in common, where they lie as they agree best."""

    correlation: float  # of the structure of the common part; 0 where too little is common
    shift: tuple[int, int]  # of the second's corner in the first, pixels
    share: float  # of the smaller image that is common


def common_part(one: U8, other: U8, shift: tuple[int, int]) -> Common:
    """Align two images near a proposed shift, and correlate the structure of the part that both show.

    Parameters
    ----------
    one, other : uint8 (H, W) each
    shift : pixels, of the corner of ``other`` in ``one``
    """
    here, there = structure(one), structure(other)
    row, column = (round(step / SQUARE) for step in shift)
    best = Common(0.0, shift, 0.0)
    for near in itertools.product(range(-_NEAR, _NEAR + 1), repeat=2):
        place = row + near[0], column + near[1]
        a, b = _both(here, there, place)
        if min(a.shape) < LEAST_SIDE:
            continue
        correlation = _correlation(a, b)
        if correlation > best.correlation:
            share = a.size / min(here.size, there.size)
            best = Common(correlation, (SQUARE * place[0], SQUARE * place[1]), share)
    return best


def _both(
    one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], place: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the views of both that lie on one another; empty where they do not meet."""
    ours, theirs = [], []
    for start, here, there in zip(place, one.shape, other.shape, strict=True):
        first, last = max(start, 0), max(min(start + there, here), max(start, 0))
        ours.append(slice(first, last))
        theirs.append(slice(first - start, last - start))
    return one[tuple(ours)], other[tuple(theirs)]


def _correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    a, b = (values.astype(np.float64) - values.mean(dtype=np.float64) for values in (one, other))
    lengths = float((a * a).sum() * (b * b).sum()) ** 0.5
    return float((a * b).sum()) / lengths if lengths > 0 else 0.0
