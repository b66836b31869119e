"""Compiled kernels of the key points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]


@jit
def box_rows(values: I32, radius: int) -> I32:
    """Return sums over each value and its vertical neighbours."""
    height, width = values.shape
    out = np.empty((height, width), np.int32)
    sums = np.zeros(width, np.int32)
    for offset in range(-radius, radius + 1):
        row = min(max(offset, 0), height - 1)
        for column in range(width):
            sums[column] += values[row, column]
    for row in range(height):
        last, first = min(row + radius + 1, height - 1), max(row - radius, 0)
        for column in range(width):
            out[row, column] = sums[column]
            sums[column] += values[last, column] - values[first, column]
    return out


@jit
def extrema(values: I32, reach: int, margin: int, least: int) -> I32:
    """Return row and column of each local extremum.

    Its size is above ``least`` and exceeded by none within reach. The largest first, then the smallest; block by block
    (Neubeck & Van Gool, ICPR 2006).
    """
    height, width = values.shape
    step = reach + 1
    found = np.empty((2 * (height // step + 1) * (width // step + 1), 2), np.int32)
    count = 0
    for sign in (1, -1):
        for top in range(margin, height - margin, step):
            for left in range(margin, width - margin, step):
                best, row, column = least, -1, -1
                for y in range(top, min(top + step, height - margin)):
                    for x in range(left, min(left + step, width - margin)):
                        if sign * values[y, x] > best:
                            best, row, column = sign * values[y, x], y, x
                if row < 0:
                    continue
                largest = best
                for y in range(max(row - reach, 0), min(row + reach + 1, height)):
                    for x in range(max(column - reach, 0), min(column + reach + 1, width)):
                        largest = max(largest, sign * values[y, x])
                if largest == best:
                    found[count, 0], found[count, 1] = row, column
                    count += 1
    return found[:count]


@jit
def described(values: I32, places: I32, pairs: I64) -> U32:
    """Return the descriptor bits of each place.

    One for each pair: whether the first of the two is brighter than the second.
    """
    words = len(pairs) // 32
    out = np.zeros((len(places), words), np.uint32)
    for place in range(len(places)):
        row, column = places[place, 0], places[place, 1]
        for word in range(words):
            bits = np.uint32(0)
            for bit in range(32):
                pair = pairs[32 * word + bit]
                brighter = values[row + pair[0], column + pair[1]] > values[row + pair[2], column + pair[3]]
                bits = bits | (np.uint32(brighter) << np.uint32(bit))
            out[place, word] = bits
    return out
