"""Deduplication of whole images and examples.

A copy is the same whole image or the same example; each is kept once. Where the class that would keep a copy is dropped
as too small, or the copy is drawn away because its class is full, another class that has the same pixels keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DrawBack = Callable[[int, Ints], Ints]
"""Takes a label and the places of its examples, ascending; returns the places of those that go: the class is full."""


class Examples(NamedTuple):
    """The examples to choose from, in order of precedence.

    Each array has shape (n,).
    """

    label: Ints  # from 0
    image: Ints  # from 0
    whole: Ints  # code of the pixels of its whole image, from 0; -1 where they are not known
    pixels: Ints  # code of its own pixels, from 0


class Kept(NamedTuple):
    """Which examples stay, and why the others do not.

    Each array has shape (n,).
    """

    stays: Mask
    whole_of: Ints  # place of an example of the image that is kept instead of its image, or -1
    copy_of: Ints  # place of the example with the same pixels that is kept instead of it, or -1
    small: Ints  # examples of its class when that was dropped as too small, or 0
    excess: Ints  # examples of its class when it was drawn away, or 0


def keep_once(examples: Examples, labels: int, min_class_size: int, draw_back: DrawBack) -> Kept:
    """Choose the examples that stay.

    Parameters
    ----------
    labels : number of labels
    min_class_size : a class with fewer examples, each copy once, is dropped
    """
    excess = np.zeros(len(examples.label), np.int64)  # of those that were drawn away for good
    while True:
        kept = _without_small_classes(examples, labels, min_class_size, excess == 0)
        sizes = np.bincount(examples.label[kept.stays], minlength=labels)
        sizes += np.bincount(examples.label[excess > 0], minlength=labels)
        away = _drawn_away(examples, kept.stays, draw_back)
        kept.stays[away] = False
        elsewhere = _kept_elsewhere(examples, kept, away)
        if not len(elsewhere):
            excess[away] = sizes[examples.label[away]]
            kept.excess[:] = excess
            return kept
        excess[elsewhere] = sizes[examples.label[elsewhere]]


def _without_small_classes(examples: Examples, labels: int, least: int, able: Mask) -> Kept:
    """Keep copies once in classes that are large enough.

    Dropped first are those that were too small with every copy of theirs; then the smallest, one at a time, because its
    copies may fill another.
    """
    shared = _shared(examples.whole, examples.image) | _shared(examples.pixels, np.arange(len(able)))
    alone = np.bincount(examples.label[able & ~shared], minlength=labels)
    places = np.flatnonzero(shared)
    some = Examples(*(column[places] for column in examples))
    dropped = np.zeros(labels, np.int64)  # its size when it was dropped
    while True:
        stays, whole_of, copy_of = _once(some, able[places] & (dropped[some.label] == 0))
        sizes = alone + np.bincount(some.label[stays], minlength=labels)
        small = np.flatnonzero((sizes < least) & (sizes > 0) & (dropped == 0))
        if not len(small):
            break
        most = alone + np.bincount(some.label[able[places]], minlength=labels)
        hopeless = small[most[small] < least]
        gone = hopeless if len(hopeless) else small[sizes[small].argmin()]
        dropped[gone] = sizes[gone]
    small_of = np.where(able, dropped[examples.label], 0)
    all_stays = able & (small_of == 0)
    all_stays[places] = stays
    all_whole, all_copy = np.full(len(able), -1), np.full(len(able), -1)
    all_whole[places] = np.where(whole_of >= 0, places[whole_of], -1)
    all_copy[places] = np.where(copy_of >= 0, places[copy_of], -1)
    return Kept(all_stays, all_whole, all_copy, small_of, np.zeros(len(able), np.int64))


def _shared(codes: Ints, owners: Ints) -> Mask:
    """Return which examples share a code with another owner."""
    known = codes >= 0
    if not known.any():
        return np.zeros(len(codes), bool)
    first = _first(codes, known)
    other = known & (owners != owners[first[codes]])
    several = np.zeros(len(first), bool)
    several[codes[other]] = True
    return known & several[codes]


def _once(examples: Examples, able: Mask) -> tuple[Mask, Ints, Ints]:
    """Keep each copy once; return the kept and the originals.

    The originals are places, -1 for none: of an example of the same whole image, and of the same example.
    """
    whole_of, copy_of = (np.full(len(able), -1) for _ in range(2))
    known = able & (examples.whole >= 0)
    keeper = _first(examples.whole, known)[examples.whole]
    copy = known & (examples.image != examples.image[keeper])
    whole_of[copy] = keeper[copy]
    left = able & ~copy
    keeper = _first(examples.pixels, left)[examples.pixels]
    copy = left & (keeper != np.arange(len(able)))
    copy_of[copy] = keeper[copy]
    return left & ~copy, whole_of, copy_of


def _first(codes: Ints, among: Mask) -> Ints:
    """Return each code's first place among some; -1 where absent."""
    places = np.flatnonzero(among)[::-1]
    first = np.full(int(codes.max(initial=-1)) + 2, -1)
    first[codes[places]] = places  # the last that is written is the smallest
    return first


def _drawn_away(examples: Examples, stays: Mask, draw_back: DrawBack) -> Ints:
    places = np.flatnonzero(stays)
    places = places[np.argsort(examples.label[places], kind="stable")]
    found, starts = np.unique(examples.label[places], return_index=True)
    classes = np.split(places, starts[1:])
    gone = [draw_back(label, members) for label, members in zip(found.tolist(), classes, strict=False)]
    return np.concatenate([np.empty(0, np.int64), *gone])


def _kept_elsewhere(examples: Examples, kept: Kept, away: Ints) -> Ints:
    """Return drawn-away examples of which another class keeps a copy.

    Of copies of whole images, only where nothing of the image stays.
    """
    images = np.zeros(int(examples.image.max(initial=0)) + 1, bool)
    images[examples.image[_with_copies_elsewhere(examples, kept.whole_of)]] = True
    images[examples.image[kept.stays]] = False
    lost = images[examples.image]
    of_these = kept.copy_of[lost]  # an image all of whose examples are copies is lost with those
    lost[of_these[of_these >= 0]] = True
    lost[_with_copies_elsewhere(examples, kept.copy_of)] = True
    found: Ints = away[lost[away]]
    return found


def _with_copies_elsewhere(examples: Examples, keeper_of: Ints) -> Ints:
    """Return the keepers of copies that have another label."""
    copies = np.flatnonzero(keeper_of >= 0)
    keepers: Ints = keeper_of[copies]
    others: Ints = keepers[examples.label[copies] != examples.label[keepers]]
    return others
