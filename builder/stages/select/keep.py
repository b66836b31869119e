"""Deduplication and class size limits (method, sections 4 and 5)."""

from __future__ import annotations

import numpy as np

from builder.draw import U64, key64, mix64
from builder.recipe import Recipe
from builder.stages.select.candidates import Candidates, Ints, Mask, Outcomes
from builder.stages.select.copies import Examples, Kept, keep_once


def choose_examples(candidates: Candidates, outcomes: Outcomes, recipe: Recipe) -> None:
    """Drop copies, surplus examples and small classes, recording the reasons."""
    made = np.flatnonzero(outcomes.kept)
    examples = Examples(
        candidates.label[made],
        candidates.image[made],
        *(candidates.codes(name, made) for name in ("sha256", "pixels_sha256")),
    )
    crops = candidates.rows["crop"].to_numpy()[candidates.row[made]]

    def draw_back(label: int, places: Ints) -> Ints:
        if len(places) <= recipe.class_size:
            return places[:0]
        images = np.unique(examples.image[places], return_inverse=True)[1].reshape(-1)
        keys, name = candidates.keys[made[places]], candidates.labels[label]
        return places[over_size(images, crops[places], keys, recipe.class_size, recipe.seed, name)]

    kept = keep_once(examples, len(candidates.labels), recipe.min_class_size, draw_back)
    _drop_copies(candidates, outcomes, made, kept)
    for reason, sizes in (("small_class", kept.small), ("over_class_size", kept.excess)):
        places = np.flatnonzero(sizes)
        for place, size in zip(made[places].tolist(), sizes[places].tolist(), strict=True):
            outcomes.drop(place, reason, f"its class had {size} candidates")


def _drop_copies(candidates: Candidates, outcomes: Outcomes, made: Ints, kept: Kept) -> None:
    """Drop what is a copy, and say of what."""
    for what, keeper_of in (("same whole image as", kept.whole_of), ("same pixels as", kept.copy_of)):
        copies = np.flatnonzero(keeper_of >= 0)
        keepers = made[keeper_of[copies]]
        names = candidates.column("idx", keepers).to_pylist()
        crops = candidates.column("candidate", keepers).to_pylist()
        for place, keeper, name, crop in zip(made[copies].tolist(), keepers.tolist(), names, crops, strict=True):
            detail = f"{what} {name}"
            if crop >= 0 and keeper_of is kept.copy_of:
                detail += f" crop {crop}"
            if candidates.label[place] != candidates.label[keeper]:
                detail += f"; conflicting label: {candidates.labels[candidates.label[keeper]]}"
            outcomes.drop(place, "duplicate", detail)


def over_size(images: Ints, crops: Mask, keys: U64, size: int, seed: int, label: str) -> Mask:
    """Draw the candidates to remove from a class above ``size``.

    Each goes from an image that has the most at that moment, drawn among those; so an image loses its last one only
    when no other has more than one.

    Parameters
    ----------
    images : shape (n,), number of each candidate's image, from 0
    crops : shape (n,), is it a crop? Of images with several all are
    keys : shape (n,), all different
    """
    draws = mix64(keys, key64(seed, label, "cap: crop"))
    order = np.lexsort((draws, ~crops, images))
    counts = np.bincount(images)
    before = np.cumsum(counts) - counts  # of each image's candidates, in this order
    left = np.empty(len(images), np.int64)  # how many the image has when the candidate is its next to go
    left[order] = (counts + before)[images[order]] - np.arange(len(images))
    first = np.lexsort((mix64(keys, key64(seed, label, "cap: image")), -left))[: max(0, len(images) - size)]
    gone = np.zeros(len(images), bool)
    gone[first] = True
    return gone
