"""Reference of ``cytoimagenet_reader.png.filters`` in numpy.

The row filters of PNG: https://www.w3.org/TR/png-3/#9Filters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


def average_rows(pixels: U8) -> U8:
    """Return rows filtered by Average, each after its 3.

    uint8 (H, 1 + W): each pixel less the mean, rounded down, of its left and upper neighbours.
    """
    left, up, _, out = _neighbours(pixels, 3)
    # (a + b) >> 1 without a wider type: the bits both have, and half of the bits one has
    np.subtract(pixels, (left & up) + ((left ^ up) >> 1), out=out[:, 1:])
    return out


def paeth_rows(pixels: U8) -> U8:
    """Return rows filtered by Paeth, each after its 4.

    uint8 (H, 1 + W): each pixel less the Paeth predictor of its neighbours (PNG, section 9.4).
    """
    left, up, corner, out = _neighbours(pixels, 4)
    across = up.astype(np.int16) - corner
    down = left.astype(np.int16) - corner
    to_corner = np.abs(across + down)
    to_left, to_up = np.abs(across, out=across), np.abs(down, out=down)
    guess = np.where(to_up <= to_corner, up, corner)
    np.copyto(guess, left, where=(to_left <= to_up) & (to_left <= to_corner))
    np.subtract(pixels, guess, out=out[:, 1:])
    return out


def filter_counts(pixels: U8, first: int, step: int) -> I64:
    """Count each byte in some rows under None, Average, Paeth.

    The rows are ``first``, ``first + step`` and so on.

    Returns
    -------
    int64 (3, 256)
    """
    places = np.arange(first, pixels.shape[0], step)
    pairs = np.zeros((2 * places.size, pixels.shape[1]), np.uint8)
    pairs[0::2] = np.where(places[:, None] > 0, pixels[np.maximum(places - 1, 0)], 0)  # a filter needs the row above
    pairs[1::2] = pixels[places]
    filtered = (pairs[1::2], average_rows(pairs)[1::2, 1:], paeth_rows(pairs)[1::2, 1:])
    return np.stack([np.bincount(rows.ravel(), minlength=256) for rows in filtered])


def _neighbours(pixels: U8, kind: int) -> tuple[U8, U8, U8, U8]:
    """Return each pixel's left, upper and upper left neighbours.

    Outside the image they are 0. Returns the array for the filtered rows, too.
    """
    height, width = pixels.shape
    framed = np.zeros((height + 1, width + 1), np.uint8)
    framed[1:, 1:] = pixels
    out = np.empty((height, width + 1), np.uint8)
    out[:, 0] = kind
    return framed[1:, :-1], framed[:-1, 1:], framed[:-1, :-1], out
