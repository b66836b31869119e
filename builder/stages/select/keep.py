"""Which candidates stay: exact duplicates once, no class above its size, none too small (method, sections 4 and 5)."""

from __future__ import annotations

import numpy as np

from builder.draw import U64, key64, mix64
from builder.recipe import Recipe
from builder.stages.select.candidates import Candidates, Ints, Mask, Outcomes


def drop_duplicates(candidates: Candidates, outcomes: Outcomes) -> None:
    """Keep, of candidates with the same pixels, the one with the smallest idx, then candidate.

    Comes first: a class is not counted twice. What is dropped for one that goes later, with its class, stays dropped.
    """
    made = np.flatnonzero(outcomes.kept)
    hashes = candidates.column("pixels_sha256", made).combine_chunks().dictionary_encode()
    codes = hashes.indices.to_numpy()
    first = np.empty(len(hashes.dictionary), np.int64)
    first[codes[::-1]] = made[::-1]  # the last that is written is the smallest
    keeper = first[codes]
    again = np.flatnonzero(keeper != made)
    names = candidates.column("idx", keeper[again]).to_pylist()
    crops = candidates.column("candidate", keeper[again]).to_pylist()
    for place, kept, name, crop in zip(made[again].tolist(), keeper[again].tolist(), names, crops, strict=True):
        detail = f"same pixels as {name}" + (f" crop {crop}" if crop >= 0 else "")
        if candidates.label[place] != candidates.label[kept]:
            detail += f"; conflicting label: {candidates.labels[candidates.label[kept]]}"
        outcomes.drop(place, "duplicate", detail)


def cap_classes(candidates: Candidates, outcomes: Outcomes, recipe: Recipe) -> None:
    """Draw every class back to ``class_size``."""
    crops = candidates.rows["crop"].to_numpy()[candidates.row]
    for label, places in candidates.by_label(outcomes.kept):
        if len(places) > recipe.class_size:
            images = np.unique(candidates.image[places], return_inverse=True)[1].reshape(-1)
            gone = over_size(images, crops[places], candidates.keys[places], recipe.class_size, recipe.seed, label)
            for place in places[gone].tolist():
                outcomes.drop(place, "over_class_size", f"its class had {len(places)} candidates")


def drop_small_classes(candidates: Candidates, outcomes: Outcomes, recipe: Recipe) -> None:
    """Drop the classes with fewer than ``min_class_size`` candidates."""
    for _, places in candidates.by_label(outcomes.kept):
        if len(places) < recipe.min_class_size:
            for place in places.tolist():
                outcomes.drop(place, "small_class", f"its class had {len(places)} candidates")


def over_size(images: Ints, crops: Mask, keys: U64, size: int, seed: int, label: str) -> Mask:
    """Draw the candidates of one class that must go, so that ``size`` are left.

    At most one crop per image goes first, from images with several candidates before the others; then any candidate.

    Parameters
    ----------
    images : shape (n,), number of each candidate's image, from 0
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
