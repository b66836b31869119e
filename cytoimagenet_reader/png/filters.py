"""Applying the row filters of PNG (https://www.w3.org/TR/png-3/#9Filters), compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit

U8 = npt.NDArray[np.uint8]


@jit
def _paeth(left: int, up: int, corner: int) -> int:
    """Return the neighbour nearest to ``left + up - corner``.

    Left comes before up before corner when equal.
    """
    across, down = up - corner, left - corner
    to_left, to_up, to_corner = abs(across), abs(down), abs(across + down)
    guess = up if to_up <= to_corner else corner
    return left if (to_left <= to_up) & (to_left <= to_corner) else guess


@jit
def filter_counts(pixels: U8, first: int, step: int) -> npt.NDArray[np.int64]:
    """Return byte counts of sampled rows under three filters.

    The rows are ``first``, ``first + step`` ...; the filters are None, Average and Paeth.

    Parameters
    ----------
    pixels : uint8 (H, W)

    Returns
    -------
    int64 (3, 256)
    """
    height, width = pixels.shape
    counts = np.zeros((3, 256), np.int64)
    blank = np.zeros(width, np.uint8)
    for y in range(first, height, step):
        row, above = pixels[y], pixels[y - 1] if y else blank
        left, corner = np.int32(0), np.int32(0)
        for x in range(width):
            value, up = np.int32(row[x]), np.int32(above[x])
            counts[0, value] += 1
            counts[1, (value - ((left + up) >> 1)) & 255] += 1
            counts[2, (value - _paeth(left, up, corner)) & 255] += 1
            left, corner = value, up
    return counts


@jit
def average_rows(pixels: U8) -> U8:
    """Return rows filtered by Average, each led by 3.

    uint8 (H, 1 + W): each pixel less the mean, rounded down, of its left and upper neighbours.
    """
    height, width = pixels.shape
    out = np.empty((height, width + 1), np.uint8)
    blank = np.zeros(width, np.uint8)
    for y in range(height):
        row, above, target = pixels[y], pixels[y - 1] if y else blank, out[y]
        target[0] = 3
        target[1] = np.uint8(row[0] - (above[0] >> 1))
        for x in range(1, width):
            target[x + 1] = np.uint8(row[x] - ((np.int16(row[x - 1]) + np.int16(above[x])) >> 1))
    return out


@jit
def paeth_rows(pixels: U8) -> U8:
    """Return rows filtered by Paeth, each led by 4.

    uint8 (H, 1 + W): each pixel less the Paeth predictor of its neighbours (section 9.4).
    """
    height, width = pixels.shape
    out = np.empty((height, width + 1), np.uint8)
    blank = np.zeros(width, np.uint8)
    for y in range(height):
        row, above, target = pixels[y], pixels[y - 1] if y else blank, out[y]
        target[0] = 4
        target[1] = np.uint8(row[0] - above[0])
        for x in range(1, width):
            left, up, corner = np.int16(row[x - 1]), np.int16(above[x]), np.int16(above[x - 1])
            to_left = abs(np.int16(up - corner))
            to_up = abs(np.int16(left - corner))
            to_corner = abs(np.int16(np.int16(left - corner) + np.int16(up - corner)))
            guess = up if to_up <= to_corner else corner
            guess = left if to_left <= to_up and to_left <= to_corner else guess
            target[x + 1] = np.uint8(np.int16(row[x]) - guess)
    return out


def unfiltered_rows(pixels: U8) -> U8:
    """Return uint8 (H, 1 + W): 0 and each pixel."""
    out = np.empty((pixels.shape[0], pixels.shape[1] + 1), np.uint8)
    out[:, 0] = 0
    out[:, 1:] = pixels
    return out
