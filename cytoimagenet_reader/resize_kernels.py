"""Resizing grey pixels in two passes, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from cytoimagenet_reader.jit import inlined, jit
from cytoimagenet_reader.words import U, load_word, store_word


@jit
def resize_both(
    pixels: Any, rows_first: Any, firsts: Any, weights: Any, row_firsts: Any, row_weights: Any, out: Any
) -> None:
    """Resize pixels in both directions into ``out``.

    ``pixels`` is uint8 (H, W), ``out`` uint8; ``firsts`` and ``weights`` are those of columns.
    """
    height, width = (pixels.shape[0], out.shape[1]) if rows_first else (out.shape[0], pixels.shape[1])
    between = np.empty((height, width), np.uint8)
    if rows_first:
        _resize_rows(pixels, row_firsts, row_weights, between)
        _resize_columns(between, firsts, weights, out)
    else:
        _resize_columns(pixels, firsts, weights, between)
        _resize_rows(between, row_firsts, row_weights, out)


@jit
def _resize_rows(pixels: Any, firsts: Any, weights: Any, out: Any) -> None:
    """Resize each row, as columns of the transposed image.

    ``pixels`` is uint8 (H, W), ``out`` uint8 (H, target).
    """
    turned, resized = np.empty(pixels.shape[::-1], np.uint8), np.empty(out.shape[::-1], np.uint8)
    _transpose(pixels, turned)
    _resize_columns(turned, firsts, weights, resized)
    _transpose(resized, out)


@jit
def _transpose(pixels: Any, out: Any) -> None:
    """Transpose uint8 (H, W) pixels into ``out``.

    It takes 8 by 8 of them at a time, in eight registers.
    """
    height, width = pixels.shape
    whole_height, whole_width = height // 8 * 8, width // 8 * 8
    for top in range(0, whole_height, 8):
        y = U(top)
        row = pixels[top : top + 8]
        for left in range(0, whole_width, 8):
            x, column = U(left), out[left : left + 8]
            a, b, c, d = load_word(row[0], x), load_word(row[1], x), load_word(row[2], x), load_word(row[3], x)
            e, f, g, h = load_word(row[4], x), load_word(row[5], x), load_word(row[6], x), load_word(row[7], x)
            a, e = _swap(a, e, 32, 0x00000000FFFFFFFF)
            b, f = _swap(b, f, 32, 0x00000000FFFFFFFF)
            c, g = _swap(c, g, 32, 0x00000000FFFFFFFF)
            d, h = _swap(d, h, 32, 0x00000000FFFFFFFF)
            a, c = _swap(a, c, 16, 0x0000FFFF0000FFFF)
            b, d = _swap(b, d, 16, 0x0000FFFF0000FFFF)
            e, g = _swap(e, g, 16, 0x0000FFFF0000FFFF)
            f, h = _swap(f, h, 16, 0x0000FFFF0000FFFF)
            a, b = _swap(a, b, 8, 0x00FF00FF00FF00FF)
            c, d = _swap(c, d, 8, 0x00FF00FF00FF00FF)
            e, f = _swap(e, f, 8, 0x00FF00FF00FF00FF)
            g, h = _swap(g, h, 8, 0x00FF00FF00FF00FF)
            store_word(column[0], y, a)
            store_word(column[1], y, b)
            store_word(column[2], y, c)
            store_word(column[3], y, d)
            store_word(column[4], y, e)
            store_word(column[5], y, f)
            store_word(column[6], y, g)
            store_word(column[7], y, h)
    for y in range(height):
        for x in range(whole_width if y < whole_height else 0, width):
            out[x, y] = pixels[y, x]


@inlined
def _swap(one: Any, other: Any, shift: Any, mask: Any) -> Any:
    """Swap one's high and the other's low parts; return both."""
    changed = (one >> U(shift) ^ other) & U(mask)
    return one ^ changed << U(shift), other ^ changed


@jit
def _resize_columns(pixels: Any, firsts: Any, weights: Any, out: Any) -> None:
    """Resize each column: uint8 (H, W) into uint8 (target, W)."""
    height, width = pixels.shape
    total = np.empty(width, np.int32)
    for y in range(out.shape[0]):
        first = np.int64(firsts[y])
        total[:] = 1 << 21
        for k in range(min(weights.shape[0], height - first)):
            weight = weights[k, y]
            row = pixels[first + k]
            for x in range(width):
                total[x] += np.int32(row[x]) * weight
        line = out[y]
        for x in range(width):
            line[x] = total[x] >> 22
