"""Groups of images that look alike are found.

They may lie anywhere, also in blocks that are compared one after the other.
"""

from __future__ import annotations

import numpy as np
import pytest

from builder.pixels.thumbnail import thumbnail
from builder.stages.select import near
from tests.pixels.test_thumbnail import texture


@pytest.mark.parametrize("at_once", [100, 4])
def test_all_pairs_of_groups_with_images_that_look_alike(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine scenes, some again mirrored or rotated in other groups.

    Scenes 7 and 8 are in one group; scene 7 returns there unchanged.
    """
    monkeypatch.setattr(near, "_AT_ONCE", at_once)
    scenes = [texture(seed, 64, 64) for seed in range(9)]
    scenes += [scenes[0][:, ::-1], np.rot90(scenes[1]), scenes[7].T, scenes[7]]
    small = np.stack([thumbnail(np.ascontiguousarray(scene)) for scene in scenes])
    group = np.array([5, 1, 2, 3, 4, 6, 7, 8, 8, 9, 10, 11, 8])
    image = np.array([0, 0, *range(1, 13)])  # the first has two examples
    assert near.alike_groups(small, image, group[image]) == [(1, 10), (5, 9), (8, 11)]
    assert near.alike_groups(small[:0], image[:0], group[:0]) == []
