"""The row filters of PNG (https://www.w3.org/TR/png-3/#9Filters), compiled by numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from builder.pixels.jit import jit

U8 = npt.NDArray[np.uint8]


@jit
def _paeth(left: int, up: int, corner: int) -> int:
    """Return the neighbour nearest to ``left + up - corner``; left before up before corner when equal."""
    across, down = up - corner, left - corner
    to_left, to_up, to_corner = abs(across), abs(down), abs(across + down)
    guess = up if to_up <= to_corner else corner
    return left if (to_left <= to_up) & (to_left <= to_corner) else guess


@jit
def filter_counts(pixels: U8, first: int, step: int) -> npt.NDArray[np.int64]:
    """See ``plain.filter_counts``."""
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
    """See ``plain.average_rows``."""
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
    """See ``plain.paeth_rows``."""
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


@jit
def _paeth_one(row: U8, above: U8, target: U8) -> None:
    """Undo Paeth of one byte a pixel; left and corner stay in registers: waiting for left is what the pass costs."""
    left = np.int32(0)
    corner = np.int32(0)
    for x in range(target.size):
        up = np.int32(above[x])
        left = (np.int32(row[x]) + _paeth(left, up, corner)) & np.int32(255)
        corner = up
        target[x] = left


@jit
def _paeth_two(row0: U8, row1: U8, above: U8, target0: U8, target1: U8) -> None:
    """Undo Paeth of two rows at once, the second one pixel behind the first: neither waits for the other."""
    mask = np.int32(255)
    corner0 = np.int32(above[0])
    left0 = (np.int32(row0[0]) + corner0) & mask
    target0[0] = left0
    left1 = np.int32(0)
    corner1 = np.int32(0)
    for x in range(1, target0.size):
        up0 = np.int32(above[x])
        up1 = left0
        left0 = (np.int32(row0[x]) + _paeth(left0, up0, corner0)) & mask
        left1 = (np.int32(row1[x - 1]) + _paeth(left1, up1, corner1)) & mask
        corner0, corner1 = up0, up1
        target0[x] = left0
        target1[x - 1] = left1
    target1[-1] = (np.int32(row1[-1]) + _paeth(left1, left0, corner1)) & mask


@jit
def _paeth_many(row: U8, above: U8, step: int, target: U8) -> None:
    for x in range(step):
        target[x] = np.uint8(row[x] + above[x])
    for x in range(step, target.size):
        guess = _paeth(np.int32(target[x - step]), np.int32(above[x]), np.int32(above[x - step]))
        target[x] = np.uint8(np.int32(row[x]) + guess)


@jit
def _undo_simple(kind: int, row: U8, above: U8, step: int, target: U8) -> bool:
    """Undo None, Sub, Up or Average; False for another."""
    if kind == 0:
        target[:] = row
    elif kind == 1:
        target[:step] = row[:step]
        for x in range(step, target.size):
            target[x] = np.uint8(row[x] + target[x - step])
    elif kind == 2:
        for x in range(target.size):
            target[x] = np.uint8(row[x] + above[x])
    elif kind == 3:
        for x in range(min(step, target.size)):
            target[x] = np.uint8(row[x] + (above[x] >> 1))
        for x in range(step, target.size):
            target[x] = np.uint8(row[x] + ((np.uint32(target[x - step]) + np.uint32(above[x])) >> 1))
    return kind < 4


@jit
def unfilter(rows: U8, step: int, out: U8) -> bool:
    """Undo the filters of a PNG's rows.

    Parameters
    ----------
    rows : uint8 (H, 1 + bytes), each row's filter and its bytes
    step : bytes a pixel
    out : uint8 (H, bytes), written

    Returns
    -------
    whether every row's filter is a known one
    """
    above = np.zeros(out.shape[1], np.uint8)
    y = 0
    while y < rows.shape[0]:
        kind, row, target = rows[y, 0], rows[y, 1:], out[y]
        if kind == 4 and step == 1 and y + 1 < rows.shape[0] and rows[y + 1, 0] == 4:
            _paeth_two(row, rows[y + 1, 1:], above, target, out[y + 1])
            y += 1
        elif kind == 4 and step == 1:
            _paeth_one(row, above, target)
        elif kind == 4:
            _paeth_many(row, above, step, target)
        elif not _undo_simple(kind, row, above, step, target):
            return False
        above = out[y]
        y += 1
    return True
