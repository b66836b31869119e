"""Which pictures stay: exact duplicates once, no class above its size, none too small (method, sections 4 and 5)."""

from __future__ import annotations

import numpy as np

from builder.draw import U64, key64, mix64
from builder.recipe import Recipe
from builder.stages.select.candidates import Fates, Ints, Mask, Pictures


def drop_duplicates(pictures: Pictures, fates: Fates) -> None:
    """Keep, of pictures with the same pixels, the one with the smallest idx, then candidate.

    Comes first: a class is not counted twice. What is dropped for one that goes later, with its class, stays dropped.
    """
    made = np.flatnonzero(fates.kept)
    hashes = pictures.column("pixels_sha256", made).combine_chunks().dictionary_encode()
    codes = hashes.indices.to_numpy()
    first = np.empty(len(hashes.dictionary), np.int64)
    first[codes[::-1]] = made[::-1]  # the last that is written is the smallest
    keeper = first[codes]
    again = np.flatnonzero(keeper != made)
    names = pictures.column("idx", keeper[again]).to_pylist()
    crops = pictures.column("candidate", keeper[again]).to_pylist()
    for place, kept, name, crop in zip(made[again].tolist(), keeper[again].tolist(), names, crops, strict=True):
        detail = f"same pixels as {name}" + (f" crop {crop}" if crop >= 0 else "")
        if pictures.label[place] != pictures.label[kept]:
            detail += f"; conflicting label: {pictures.labels[pictures.label[kept]]}"
        fates.drop(place, "duplicate", detail)


def cap_classes(pictures: Pictures, fates: Fates, recipe: Recipe) -> None:
    """Draw every class back to ``class_size``."""
    crops = pictures.rows["crop"].to_numpy()[pictures.row]
    for label, places in pictures.by_label(fates.kept):
        if len(places) > recipe.class_size:
            images = np.unique(pictures.image[places], return_inverse=True)[1].reshape(-1)
            gone = over_size(images, crops[places], pictures.keys[places], recipe.class_size, recipe.seed, label)
            for place in places[gone].tolist():
                fates.drop(place, "over_class_size", f"its class had {len(places)} pictures")


def drop_small_classes(pictures: Pictures, fates: Fates, recipe: Recipe) -> None:
    """Drop the classes with fewer than ``min_class_size`` pictures."""
    for _, places in pictures.by_label(fates.kept):
        if len(places) < recipe.min_class_size:
            for place in places.tolist():
                fates.drop(place, "small_class", f"its class had {len(places)} pictures")


def over_size(images: Ints, crops: Mask, keys: U64, size: int, seed: int, label: str) -> Mask:
    """Draw the pictures of one class that must go, so that ``size`` are left.

    At most one crop an image goes first, from images with several pictures before the others; then any picture.

    Parameters
    ----------
    images : shape (n,), number of each picture's image, from 0
    crops : shape (n,), is it a crop?
    keys : shape (n,), all different
    """
    gone = np.zeros(len(images), bool)
    excess = max(0, len(images) - size)
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
