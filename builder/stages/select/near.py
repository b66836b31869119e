"""Near-duplicates at build time: groups whose images look alike across the split become one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from builder.pixels.alike import alike

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ROUNDS: Final = 20


def split_without_alike(
    split: Callable[[Sequence[tuple[int, int]]], Mask],
    thumbnails: npt.NDArray[np.int8],
    image: Ints,
    group: Ints,
) -> tuple[Mask, list[tuple[int, int]], int]:
    """Split, merge the groups of images that look alike across the split, and split again until there are none.

    Parameters
    ----------
    split : takes pairs of groups that belong together; returns which examples are validation
    thumbnails : int8 (images, 16, 16)
    image, group : shape (examples,), of each

    Returns
    -------
    which examples are validation, the pairs of groups that were merged, and how many pairs of images still are alike
    """
    pairs: list[tuple[int, int]] = []
    group_of = np.zeros(len(thumbnails), np.int64)
    group_of[image] = group
    for _ in range(_ROUNDS):
        validation = split(pairs)
        held_out = np.zeros(len(thumbnails), bool)
        held_out[image[validation]] = True
        sides = [np.flatnonzero(~held_out), np.flatnonzero(held_out)]
        found = alike(thumbnails[sides[0]], thumbnails[sides[1]])
        if not len(found.first):
            break
        one, other = group_of[sides[0][found.first]], group_of[sides[1][found.second]]
        pairs += sorted(set(zip(one.tolist(), other.tolist(), strict=True)))
    return validation, pairs, len(found.first)
