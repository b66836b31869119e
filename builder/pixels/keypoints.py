"""Key points that images sharing a part have in common.

A point is an extremum of the difference of two blurs, the largest within its reach (Lowe, IJCV 2004, section 3, at one
scale). It is described by which of two places around it is brighter, for 128 pairs of places (BRIEF: Calonder et al.,
ECCV 2010). Only what lies around a point decides on it, so that it is found again however the rest was cut. Scale and
orientation must be the same; brightness and contrast need not. All sums are of whole numbers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.draw import key64, mix64
from builder.pixels.keypoint_kernels import box_rows, described, extrema

U8 = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]

SQUARE: Final = 2
"""Side of the squares of pixels that are averaged first; lengths below are in such squares."""
WORDS: Final = 4
"""Words of 32 bits that describe a point."""

_FINE, _COARSE = 1, 2  # radii of the boxes; each blur is two boxes in turn
_FINE_AREA, _COARSE_AREA = (2 * _FINE + 1) ** 4, (2 * _COARSE + 1) ** 4
_PATCH: Final = 6  # how far from a point the places lie that describe it
_MARGIN: Final = _PATCH + 2 * _FINE
_REACH: Final = 8  # in rows and in columns: within it a point is the only one of its sign
_LEAST: Final = 4 * SQUARE**2 * _FINE_AREA * _COARSE_AREA  # four grey levels between the blurs: below, noise decides


class KeyPoints(NamedTuple):
    """The points of an image."""

    places: I32  # (n, 2), row and column, in squares
    words: U32  # (n, 4)


def _pairs() -> I64:
    """Return the offsets of 128 pairs of places.

    (128, 4): row and column of both, at least a blur apart.
    """
    drawn = mix64(np.arange(16 * WORDS * 32, dtype=np.uint64), key64("key points"))
    offsets = (drawn % np.uint64(2 * _PATCH + 1)).astype(np.int64).reshape(-1, 4) - _PATCH
    apart = np.abs(offsets[:, :2] - offsets[:, 2:]).max(axis=1) > 2 * _FINE
    return np.ascontiguousarray(offsets[apart][: WORDS * 32])


_PAIRS: Final = _pairs()


def key_points(pixels: U8, most: int = 4096) -> KeyPoints:
    """Find the key points of an image.

    The strongest where there are more than ``most``; none where a side is below 36 pixels.

    Parameters
    ----------
    pixels : uint8 (H, W)
    """
    squares = _squares(pixels)
    if min(squares.shape) <= 2 * _MARGIN:
        return KeyPoints(np.empty((0, 2), np.int32), np.empty((0, WORDS), np.uint32))
    fine = _blurred(squares, _FINE)
    difference = fine * np.int32(_COARSE_AREA) - _blurred(squares, _COARSE) * np.int32(_FINE_AREA)
    places = extrema(difference, _REACH, _MARGIN, _LEAST)
    if len(places) > most:
        strength = np.abs(difference[places[:, 0], places[:, 1]])
        places = places[np.argsort(-strength, kind="stable")[:most]]
    return KeyPoints(places, described(fine, places, _PAIRS))


def structure(pixels: U8) -> npt.NDArray[np.float32]:
    """Return the difference of the blurs, in grey levels.

    float32 (H // 2, W // 2). Two views of a part share it.
    """
    squares = _squares(pixels)
    fine, coarse = (_blurred(squares, radius).astype(np.float32) for radius in (_FINE, _COARSE))
    out: npt.NDArray[np.float32] = fine / np.float32(_FINE_AREA) - coarse / np.float32(_COARSE_AREA)
    out /= np.float32(SQUARE**2)
    return out


def _squares(pixels: U8) -> I32:
    """Return the sums over 2 x 2 squares of pixels.

    An odd last row or column is left out.
    """
    height, width = (side // SQUARE * SQUARE for side in pixels.shape)
    values = pixels[:height, :width].astype(np.int32)
    rows = values[0::2] + values[1::2]
    sums: I32 = rows[:, 0::2] + rows[:, 1::2]
    return sums


def _blurred(values: I32, radius: int) -> I32:
    """Return box sums taken twice, with the edge repeated."""
    for _ in range(2):
        values = box_rows(box_rows(values, radius).T.copy(), radius).T.copy()
    return values
