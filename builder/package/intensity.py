"""Mean and standard deviation of a package's pixels.

They are kept per shard, as two sums that add up, and stated per config.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from builder.pixels.quality import histogram, sums
from cytoimagenet_reader.layout import CATEGORIES, DATA, FULL, SPLITS

MEAN: Final = "intensity_mean"
SQUARE: Final = "intensity_square"
_SHARD_DIGITS: Final = 12
_CONFIG_DIGITS: Final = 6


class Intensity:
    """Sums over the images of one shard.

    Pixels count from 0 (black) to 1. Each image has the same weight, whatever its size: a loader gives all the same.
    """

    def __init__(self) -> None:
        self._means: list[float] = []
        self._squares: list[float] = []

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Count one image (uint8, (H, W))."""
        self.add_sums(*sums(histogram(pixels)), pixels.size)

    def add_sums(self, total: int, squares: int, pixels: int) -> None:
        """Count one image of which sums are known.

        Parameters
        ----------
        total, squares : sums of its 8-bit pixels and of their squares
        pixels : how many it has
        """
        scale = 255 * pixels
        self._means.append(total / scale)
        self._squares.append(squares / (255 * scale))

    def facts(self) -> dict[str, float]:
        """Return the images' average mean and mean square."""
        found = {MEAN: self._means, SQUARE: self._squares}
        return {name: round(math.fsum(values) / len(values), _SHARD_DIGITS) for name, values in found.items() if values}


def by_config(files: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return each config's mean and standard deviation of pixels.

    They are those of its training split, or of the other where there is none. A config is left out where the figures of
    a shard are unknown, as in packages of old.

    Parameters
    ----------
    files : of a manifest
    """
    found: dict[str, dict[str, float]] = {}
    shards = [facts for path, facts in files.items() if path.startswith(DATA)]
    for config in (FULL, *CATEGORIES):
        mine = [facts for facts in shards if config in (FULL, facts["config"])]
        split = min((facts["split"] for facts in mine), default="", key=SPLITS.index)
        mine = [facts for facts in mine if facts["split"] == split]
        if mine and all(MEAN in facts and SQUARE in facts for facts in mine):
            rows = sum(facts["rows"] for facts in mine)
            mean, square = (math.fsum(facts["rows"] * facts[name] for facts in mine) / rows for name in (MEAN, SQUARE))
            deviation = math.sqrt(max(square - mean * mean, 0.0))
            found[config] = {"mean": round(mean, _CONFIG_DIGITS), "std": round(deviation, _CONFIG_DIGITS)}
    return found
