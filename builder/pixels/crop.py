"""Crop windows, one per quadrant, at several scales.

See the method, section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from builder.draw import Draw
from builder.recipe import Recipe

T = TypeVar("T")


class Crop(NamedTuple):
    """Window ``[y_min:y_max, x_min:x_max]`` of an image, in pixels.

    Upper bounds are excluded.
    """

    scaling: float
    x_min: int
    x_max: int
    y_min: int
    y_max: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The slices of rows and of columns."""
        return slice(self.y_min, self.y_max), slice(self.x_min, self.x_max)


def scales(height: int, width: int, recipe: Recipe) -> list[float]:
    """Return the scalings that an image of this size allows.

    There are none where it stays whole. A crop's sides are ``int(side * scaling)``, each axis its own; a scaling is
    left out where the smaller is under ``recipe.min_crop_side``.
    """
    shorter = min(height, width)
    if shorter < recipe.min_side:
        return []
    return [scaling for scaling in recipe.scalings if int(shorter * scaling) >= recipe.min_crop_side]


def windows(height: int, width: int, draw: Draw, recipe: Recipe) -> Iterator[Crop]:
    """Draw the windows of an image's crops, without end.

    There are none where the image stays whole. The image is cut at ``side // 2`` into quadrants (for an odd side the
    second is one pixel longer). Scales and quadrants are dealt from drawn orders, a fresh one when all are used, so
    that none repeats before it must. Draws come crop by crop: the first k windows of a longer draw are the windows of a
    draw of k.
    """
    allowed = scales(height, width, recipe)
    scale_deal: list[float] = []
    quadrant_deal: list[int] = []
    while allowed:
        scaling = _deal(scale_deal, allowed, draw)
        row, column = divmod(_deal(quadrant_deal, range(4), draw), 2)
        yield _placed(height, width, row, column, scaling, draw)


def redrawn(place: Crop, height: int, width: int, draw: Draw) -> Crop:
    """Draw a window again, at its scale in its quadrant."""
    row, column = int(place.y_min >= height // 2), int(place.x_min >= width // 2)
    return _placed(height, width, row, column, place.scaling, draw)


def _placed(height: int, width: int, row: int, column: int, scaling: float, draw: Draw) -> Crop:
    y_min, y_max = _place(height, row, scaling, draw)
    x_min, x_max = _place(width, column, scaling, draw)
    return Crop(scaling, x_min, x_max, y_min, y_max)


def _deal(deal: list[T], items: Sequence[T], draw: Draw) -> T:
    if not deal:
        deal.extend(draw.shuffled(items))
    return deal.pop(0)


def _place(side: int, half: int, scaling: float, draw: Draw) -> tuple[int, int]:
    """Draw a crop's place along one axis, within a half."""
    start, end = ((0, side // 2), (side // 2, side))[half]
    length = int(side * scaling)
    first = start + draw.below(end - start - length + 1)
    return first, first + length
