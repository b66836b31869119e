"""Test of whether two images show one scene part.

Key points propose how one lies on the other, and the pixels decide. `docs/split.md` says how the numbers were found.
"""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from builder.pixels.keypoints import SQUARE, structure
from builder.pixels.overlap_candidates import Proposal

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

OVERLAP: Final = 0.75
"""Correlation of the structure of the common part above which two images overlap."""
OVERLAP_FINE: Final = 0.3
"""The same of what single pixels add to their surroundings, asked for where fewer than ``MANY`` points agree."""
MANY: Final = 5
"""Key points that no two round cells have in common."""
LEAST_SIDE: Final = 12
"""Squares of a side of the common part; less says nothing."""

_NEAR: Final = 2  # squares around the proposed place that are tried; then as many pixels
_CORNER: Final = 5  # the same, around the corner of what may be one cell, in images below so many pixels of a side
_SMALL: Final = 200
_MIDDLE: Final = 256  # pixels of a side of the common part in which single pixels are compared


class Common(NamedTuple):
    """What two images have in common at their best alignment."""

    correlation: float  # of the structure of the common part; 0 where too little is common
    shift: tuple[int, int]  # of the second's corner in the first, pixels
    share: float  # of the smaller image that is common


def overlap(one: U8, other: U8, proposal: Proposal) -> Common | None:
    """Return what two images have in common, or None.

    None where they show no part of one scene. Round cells of one size resemble one another in all but the finest
    structure. So where few points agree, and they may be those of one cell, what single pixels add to their
    surroundings must correlate too, as it does where the images come from one exposure.

    Parameters
    ----------
    one, other : uint8 (H, W) each
    proposal : its ``first`` is ``one``
    """
    common = common_part(one, other, proposal.shift)
    if common.correlation <= OVERLAP:
        return None
    if proposal.points < MANY and fine_correlation(one, other, common.shift) <= OVERLAP_FINE:
        return None
    return common


def common_part(one: U8, other: U8, shift: tuple[int, int], near: int = _NEAR) -> Common:
    """Align two images and correlate their common structure.

    Only shifts near the proposed one are tried; the correlation covers the part that both show.

    Parameters
    ----------
    one, other : uint8 (H, W) each
    shift : pixels, of the corner of ``other`` in ``one``
    near : squares around it that are tried
    """
    here, there = structure(one), structure(other)
    row, column = (round(step / SQUARE) for step in shift)
    best = Common(0.0, shift, 0.0)
    for place in _around(row, column, near):
        a, b = _both(here, there, place)
        if min(a.shape) < LEAST_SIDE:
            continue
        correlation = _correlation(a, b)
        if correlation > best.correlation:
            share = a.size / min(here.size, there.size)
            best = Common(correlation, (SQUARE * place[0], SQUARE * place[1]), share)
    return best


def fine_correlation(one: U8, other: U8, shift: tuple[int, int]) -> float:
    """Return the highest correlation of the finest structure.

    That is what single pixels add to their surroundings, at the shift where it correlates most. Looked at are the 256 x
    256 pixels in the middle of the part that both show.

    Parameters
    ----------
    one, other : uint8 (H, W) each
    shift : of the corner of ``other`` in ``one``, right to about two pixels
    """
    top, left = (max(step, 0) for step in shift)
    sides = [
        min(step + there, here) - max(step, 0) for step, here, there in zip(shift, one.shape, other.shape, strict=True)
    ]
    middle = [
        slice(start + max(side - _MIDDLE, 0) // 2, start + (side + min(side, _MIDDLE)) // 2)
        for start, side in zip((top, left), sides, strict=True)
    ]
    here = one[tuple(middle)]
    corner = middle[0].start - shift[0], middle[1].start - shift[1]
    there = other[corner[0] : corner[0] + here.shape[0], corner[1] : corner[1] + here.shape[1]]
    if min(here.shape) < SQUARE * LEAST_SIDE:
        return 0.0
    ours, theirs = _details(here), _details(there)
    return max(_correlation(*_both(ours, theirs, place)) for place in _around(0, 0, _NEAR))


def same_grain(one: U8, other: U8) -> bool:
    """Return whether two whole images agree in structure and grain.

    Any of the eight orientations counts. Sizes that differ by more than a tenth are taken for scales: the larger is
    reduced. Corners may be some pixels off.

    Parameters
    ----------
    one, other : uint8 (H, W) each
    """
    for flipped in (other, other[::-1]):
        for turns in range(4):
            a, b = one, np.ascontiguousarray(np.rot90(flipped, turns))
            if any(abs(here - there) > max(here, there) // 10 for here, there in zip(a.shape, b.shape, strict=True)):
                height, width = (min(sides) for sides in zip(a.shape, b.shape, strict=True))
                a, b = (_reduced(pixels, width, height) for pixels in (a, b))
            common = common_part(a, b, (0, 0), _CORNER if min(a.shape) < _SMALL else _NEAR)
            if common.correlation > OVERLAP and fine_correlation(a, b, common.shift) > OVERLAP_FINE:
                return True
    return False


def _reduced(pixels: U8, width: int, height: int) -> U8:
    if pixels.shape == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))


def _details(pixels: U8) -> F32:
    """Return each pixel's difference from its surroundings, clipped.

    (H - 2, W - 2): nine times the pixel less the sum of the 3 x 3 around it, cut at their median size. So grain counts,
    and not the rim of a cell, which is alike in all cells.
    """
    values = pixels.astype(np.float32)
    rows = values[:-2] + values[1:-1] + values[2:]
    out: F32 = 9 * values[1:-1, 1:-1] - (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])
    most = max(1.0, float(np.median(np.abs(out))))
    return np.clip(out, -most, most, out=out)


def _around(row: int, column: int, near: int) -> list[tuple[int, int]]:
    steps = range(-near, near + 1)
    return [(row + down, column + right) for down, right in itertools.product(steps, repeat=2)]


def _both(one: F32, other: F32, place: tuple[int, int]) -> tuple[F32, F32]:
    """Return the overlapping views; empty where there are none."""
    ours, theirs = [], []
    for start, here, there in zip(place, one.shape, other.shape, strict=True):
        first, last = max(start, 0), max(min(start + there, here), max(start, 0))
        ours.append(slice(first, last))
        theirs.append(slice(first - start, last - start))
    return one[tuple(ours)], other[tuple(theirs)]


def _correlation(one: F32, other: F32) -> float:
    a, b = (values.astype(np.float64) - values.mean(dtype=np.float64) for values in (one, other))
    lengths = float((a * a).sum() * (b * b).sum()) ** 0.5
    return float((a * b).sum()) / lengths if lengths > 0 else 0.0
