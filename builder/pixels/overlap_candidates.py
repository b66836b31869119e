"""Pairs of images that may overlap, from matching key points.

Their matches must agree on how the images lie.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.pixels.keypoints import SQUARE, WORDS, KeyPoints
from cytoimagenet_reader.jit import jit

U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

_POINTS: Final = 2  # that must agree on how the images lie
_BIN: Final = 4  # squares within which they agree
_CROWD: Final = 256  # points with one word: what so many have in common is no sign
_BITS: Final = 20  # of 128 in which two points may differ: 95 of 100 that are the same do not in more
_SIDE: Final = 1 << 16  # more than the bins of any shift


class Proposal(NamedTuple):
    """Two images that may overlap, and their shift.

    The shift is the place (row, column) of the second's corner in the first, in pixels.
    """

    first: int
    second: int
    shift: tuple[int, int]
    points: int  # that agree


class Index:
    """A searchable index of the key points of images.

    100 bytes are held for each point, and each point that is asked about is compared with at most 1,024.

    Parameters
    ----------
    found : the points of each image
    """

    def __init__(self, found: Sequence[KeyPoints]) -> None:
        self._image, self._places, words = _joined(found)
        self._orders = [np.argsort(words[:, word], kind="stable").astype(np.int32) for word in range(WORDS)]
        self._words = [words[order] for order in self._orders]
        self._keys = [some[:, word].copy() for word, some in enumerate(self._words)]
        self._images = len(found)

    def proposals(self, found: Sequence[KeyPoints]) -> list[Proposal]:
        """Return which images may overlap, sorted.

        ``first`` is one of these images, ``second`` one of the index. Two points match where one of their four words is
        the same and at most 20 of their 128 bits differ. Two images are proposed where at least two points of each
        match and say the same shift; of several shifts that which most points say.
        """
        image, places, words = _joined(found)
        ours, theirs = self._matches(words)
        several = _several(image[ours], self._image[theirs], self._images, _POINTS)  # most pairs have one by chance
        ours, theirs = ours[several], theirs[several]
        shifts = places[ours] - self._places[theirs]
        return _agreed(image[ours] * np.int64(max(self._images, 1)) + self._image[theirs], shifts, self._images)

    def _matches(self, words: U32) -> tuple[I64, I64]:
        """Return matching pairs of our and indexed points, each once."""
        pairs = [np.empty(0, np.int64)]
        count = max(1, len(self._image))
        for word, (order, known, keys) in enumerate(zip(self._orders, self._words, self._keys, strict=True)):
            asked = np.argsort(words[:, word], kind="stable")  # neighbours are looked up close to one another
            first, last = (np.searchsorted(keys, words[asked, word], side) for side in ("left", "right"))
            ours, theirs = _near(words, asked, known, first, last, _CROWD, _BITS)
            pairs.append(ours * count + order[theirs])
        found = np.sort(np.concatenate(pairs))  # np.unique, by a hash table, takes ten times as long
        ours, theirs = np.divmod(found[np.diff(found, prepend=-1) > 0], count)
        return ours, theirs


def _joined(found: Sequence[KeyPoints]) -> tuple[I64, I32, U32]:
    """Return image, place and words of all points."""
    image = np.repeat(np.arange(len(found)), [len(one.places) for one in found])
    places = np.concatenate([np.empty((0, 2), np.int32), *(one.places for one in found)])
    words = np.concatenate([np.empty((0, WORDS), np.uint32), *(one.words for one in found)])
    return image.astype(np.int64), places, words


@jit
def _near(words: U32, asked: I64, known: U32, first: I64, last: I64, crowd: int, bits: int) -> tuple[I64, I64]:
    """Return pairs of points that differ in few bits.

    The points first to last of ``known`` are compared, unless they are a crowd.
    """
    ours, theirs = np.empty(1024, np.int64), np.empty(1024, np.int64)
    count = 0
    for place in range(len(asked)):
        if last[place] - first[place] > crowd:
            continue
        point = asked[place]
        for other in range(first[place], last[place]):
            differ = 0
            for word in range(words.shape[1]):
                left = words[point, word] ^ known[other, word]
                while left:
                    left &= left - np.uint32(1)
                    differ += 1
            if differ > bits:
                continue
            if count == len(ours):
                ours, theirs = (
                    np.concatenate((ours, np.empty_like(ours))),
                    np.concatenate((theirs, np.empty_like(ours))),
                )
            ours[count], theirs[count] = point, other
            count += 1
    return ours[:count], theirs[:count]


@jit
def _several(first: I64, second: I64, images: int, least: int) -> npt.NDArray[np.bool_]:
    """Return whether each match's pair of images has ``least``.

    ``first`` ascends; ``second`` lies below ``images``.
    """
    out = np.zeros(len(first), np.bool_)
    counts = np.zeros(images, np.int32)
    start = 0
    while start < len(first):
        stop = start
        while stop < len(first) and first[stop] == first[start]:
            counts[second[stop]] += 1
            stop += 1
        for match in range(start, stop):
            out[match] = counts[second[match]] >= least
        for match in range(start, stop):
            counts[second[match]] = 0
        start = stop
    return out


def _agreed(pairs: I64, shifts: I32, images: int) -> list[Proposal]:
    """Return a proposal for each pair with enough agreeing matches.

    A pair is ``first * images + second``; its matches agree where they say one shift.
    """
    best: dict[int, Proposal] = {}
    kinds, where, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    enough = np.flatnonzero(counts[where.reshape(-1)] >= _POINTS)
    where, shifts = where.reshape(-1)[enough], shifts[enough]
    for offsets in itertools.product((0, _BIN // 2), repeat=2):  # a shift near the bound of one grid is inside another
        bins = (shifts + np.array(offsets, np.int32)) // _BIN + _SIDE // 2
        table = (where * _SIDE + bins[:, 0]) * _SIDE + bins[:, 1]
        _, first, place, counts = np.unique(table, return_index=True, return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(place.reshape(-1), axis, len(counts)) for axis in shifts.T], axis=1)
        for kind in np.flatnonzero(counts >= _POINTS).tolist():
            pair, points = int(kinds[where[first[kind]]]), int(counts[kind])
            row, column = np.rint(sums[kind] / points).astype(int).tolist()
            if pair not in best or points > best[pair].points:
                best[pair] = Proposal(*divmod(pair, images), (SQUARE * row, SQUARE * column), points)
    return [best[pair] for pair in sorted(best)]
