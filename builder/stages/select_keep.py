"""Which pictures stay: exact duplicates once, no class above its size (method, sections 4 and 5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from builder.draw import U64, key64, mix64

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def first_of_equals(codes: Ints, kept: Mask) -> Ints:
    """Return for each picture the place of the first kept one with its code, shape (n,); its own if it is not kept."""
    first = np.arange(len(codes))
    places = np.flatnonzero(kept)
    _, where, which = np.unique(codes[places], return_index=True, return_inverse=True)
    first[places] = places[where[which.reshape(-1)]]
    return first


def over_size(images: Ints, crops: Mask, keys: U64, size: int, seed: int, label: str) -> Mask:
    """Draw the pictures of one class that must go, so that ``size`` are left.

    At most one crop an image goes first, from images with several pictures before the others; then any picture.

    Parameters
    ----------
    images : shape (n,), number of each picture's image
    crops : is it a crop?
    keys : one a picture, all different
    """
    gone = np.zeros(len(images), bool)
    excess = len(images) - size
    if excess <= 0:
        return gone
    picks = _one_crop_an_image(images, crops, mix64(keys, key64(seed, label, "cap: crop")))
    alone = np.bincount(images)[images[picks]] == 1
    gone[picks[np.lexsort((mix64(keys[picks], key64(seed, label, "cap: image")), alone))[:excess]]] = True
    left = np.flatnonzero(~gone)
    draws = mix64(keys[left], key64(seed, label, "cap: any"))
    gone[left[np.argsort(draws)[: excess - int(gone.sum())]]] = True
    return gone


def _one_crop_an_image(images: Ints, crops: Mask, draws: U64) -> Ints:
    """Return the places of one drawn crop of every image that has any."""
    places = np.flatnonzero(crops)
    places = places[np.lexsort((draws[places], images[places]))]
    return places[np.flatnonzero(np.diff(images[places], prepend=-1))]
