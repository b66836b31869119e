"""Detection of groups that share near-duplicate images.

Such groups count as one, wherever the split falls.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from builder.pixels.alike import alike

Ints = npt.NDArray[np.int64]

_AT_ONCE: Final = 100_000  # images that are compared with all that follow


def alike_groups(thumbnails: npt.NDArray[np.int8], image: Ints, group: Ints) -> list[tuple[int, int]]:
    """Return the pairs of groups with images that look alike.

    Each pair occurs once, the smaller number first. All pairs of images are compared, and not just those across a
    split: which those are changes with every merge.

    Parameters
    ----------
    thumbnails : int8 (images, 16, 16)
    image, group : shape (examples,), of each
    """
    group_of = np.zeros(len(thumbnails), np.int64)
    group_of[image] = group
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(thumbnails), _AT_ONCE):
        found = alike(thumbnails[start : start + _AT_ONCE], thumbnails[start:])
        sides = np.stack([group_of[found.first + start], group_of[found.second + start]])
        pairs.update(zip(*np.sort(sides[:, sides[0] != sides[1]], axis=0).tolist(), strict=True))
    return sorted(pairs)
