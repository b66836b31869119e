"""Undoing the row filters of PNG (https://www.w3.org/TR/png-3/#9Filters), compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import inlined, jit

U8 = npt.NDArray[np.uint8]


@jit
def unfilter(rows: U8, step: int, out: U8) -> bool:
    """Undo the filters of the rows of a PNG.

    Parameters
    ----------
    rows : uint8 (H, 1 + bytes), the filter of each row and its bytes
    step : bytes per pixel
    out : uint8 (H, bytes), written

    Returns
    -------
    whether every row has a filter that exists
    """
    if step == 1:
        return unfilter_grey(rows, out)
    above = np.zeros(out.shape[1], np.uint8)
    for y in range(rows.shape[0]):
        kind, row, target = rows[y, 0], rows[y, 1:], out[y]
        if kind > 4:
            return False
        _undo_wide(kind, row, above, step, target)
        above = out[y]
    return True


@jit
def unfilter_grey(rows: U8, out: U8) -> bool:
    """Undo the filters of rows of one byte per pixel.

    ``rows`` is uint8 (H, 1 + W), ``out`` uint8 (H, W). Rows of one filter are undone two or four together, each a pixel
    behind the one above: every pixel waits for its left neighbour, so a processor does all of them in the time of one.
    Returns whether every filter exists.
    """
    height, width = out.shape
    blank = np.zeros(width, np.uint8)
    y = 0
    while y < height:
        kind = rows[y, 0]
        above = out[y - 1] if y else blank
        row, target = rows[y, 1:], out[y]
        same = 1
        while same < 4 and y + same < height and rows[y + same, 0] == kind:
            same += 1
        if kind == 4 and same > 1:
            _undo_paeth_pair(row, rows[y + 1, 1:], above, target, out[y + 1])
            y += 1
        elif kind == 4:
            _undo_paeth_grey(row, above, target)
        elif kind == 3 and same == 4 and width > 3:
            _undo_average_four(rows[y : y + 4, 1:], above, out[y : y + 4])
            y += 3
        elif kind == 3:
            _undo_average_part(row, above, target, 0, width)
        elif kind == 1:
            left = np.int32(0)
            for x in range(width):
                left = (left + np.int32(row[x])) & 255
                target[x] = left
        elif kind == 2:
            for x in range(width):
                target[x] = (np.int32(row[x]) + np.int32(above[x])) & 255
        elif kind == 0:
            for x in range(width):
                target[x] = row[x]
        else:
            return False
        y += 1
    return True


@jit
def _undo_wide(kind: int, row: U8, above: U8, step: int, target: U8) -> None:
    """Undo a row's filter, with several bytes per pixel."""
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
    else:
        for x in range(min(step, target.size)):
            target[x] = np.uint8(row[x] + above[x])
        for x in range(step, target.size):
            left, up, corner = np.int32(target[x - step]), np.int32(above[x]), np.int32(above[x - step])
            target[x] = _paeth_step(row[x], left, up, corner)


@jit
def _paeth_step(value: int, left: int, up: int, corner: int) -> int:
    """Return a byte with its Paeth filter undone.

    It is the filtered value plus whichever neighbour is nearest to left + up - corner: left before up before corner,
    where two are as near.
    """
    across, down = up - corner, left - corner
    to_left, to_up, to_corner = abs(across), abs(down), abs(across + down)
    guess = up if to_up <= to_corner else corner
    guess = left if to_left <= to_up and to_left <= to_corner else guess
    return (np.int32(value) + guess) & np.int32(255)


@jit
def _undo_paeth_grey(row: U8, above: U8, target: U8) -> None:
    """Undo Paeth for one byte per pixel.

    Left and corner stay in registers: waiting for left is what the pass costs.
    """
    left, corner = np.int32(0), np.int32(0)
    for x in range(target.size):
        up = np.int32(above[x])
        left = _paeth_step(row[x], left, up, corner)
        corner = up
        target[x] = left


@jit
def _undo_paeth_pair(row: U8, lower_row: U8, above: U8, target: U8, lower: U8) -> None:
    last = target.size - 1
    corner = np.int32(above[0])
    left = _paeth_step(row[0], np.int32(0), corner, np.int32(0))
    target[0] = left
    lower_left, lower_corner = np.int32(0), np.int32(0)
    for x in range(1, last + 1):
        lower_up, up = left, np.int32(above[x])
        left = _paeth_step(row[x], left, up, corner)
        corner = up
        target[x] = left
        lower_left = _paeth_step(lower_row[x - 1], lower_left, lower_up, lower_corner)
        lower_corner = lower_up
        lower[x - 1] = lower_left
    lower[last] = _paeth_step(lower_row[last], lower_left, left, lower_corner)


@inlined
def _average_step(value: int, left: int, up: int) -> int:
    return (np.int32(value) + ((left + up) >> 1)) & np.int32(255)


@jit
def _undo_average_part(row: U8, above: U8, target: U8, start: int, end: int) -> None:
    left = np.int32(target[start - 1]) if start else np.int32(0)
    for x in range(start, end):
        left = _average_step(row[x], left, np.int32(above[x]))
        target[x] = left


@jit
def _undo_average_four(rows: U8, above: U8, out: U8) -> None:
    """Undo the Average filter of four rows together.

    Rows are uint8 (4, W), W > 3; they are undone one by one at both ends, where not all four have a pixel to do.
    """
    width = out.shape[1]
    row0, row1, row2, row3 = rows[0, 3:], rows[1, 2:], rows[2, 1:], rows[3]
    out0, out1, out2, out3 = out[0, 3:], out[1, 2:], out[2, 1:], out[3]
    _undo_average_part(rows[0], above, out[0], 0, 3)
    _undo_average_part(rows[1], out[0], out[1], 0, 2)
    _undo_average_part(rows[2], out[1], out[2], 0, 1)
    left0, left1, left2, left3 = np.int32(out[0, 2]), np.int32(out[1, 1]), np.int32(out[2, 0]), np.int32(0)
    above = above[3:]
    for x in range(width - 3):
        next0 = _average_step(row0[x], left0, np.int32(above[x]))
        next1 = _average_step(row1[x], left1, left0)
        next2 = _average_step(row2[x], left2, left1)
        left3 = _average_step(row3[x], left3, left2)
        left0, left1, left2 = next0, next1, next2
        out0[x], out1[x], out2[x], out3[x] = left0, left1, left2, left3
    for k in range(1, 4):
        _undo_average_part(rows[k], out[k - 1], out[k], width - k, width)
