"""Candidate pairs of thumbnails, found by their spectra's magnitudes.

Only pairs whose magnitudes are alike are worth comparing in full. The magnitudes of a cosine transform do not change
when the image is flipped. Where the coefficients of (u, v) and (v, u) are combined so that their exchange does not
matter either, they change in none of the eight orientations of a square. So one product of matrices with few columns
stands for eight with 256. Magnitudes are whole numbers, small enough for float32 to add exactly in any order: the
candidates do not depend on the machine.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.pixels.thumbnail import SIDE
from cytoimagenet_reader.jit import jit

I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
F32 = npt.NDArray[np.float32]


class _Stage(NamedTuple):
    """Which magnitudes to compare, and the correlation required."""

    highest: int  # frequencies u + v
    least: float


_COARSE: Final = _Stage(9, 0.53)
_FINE: Final = _Stage(14, 0.46)

_PAIRED: Final = tuple((u, v) for u in range(SIDE) for v in range(u, SIDE) if 0 < u + v <= _FINE.highest)

_FEW: Final = 1 << 22  # pairs of which all are compared in full
_ROWS, _COLUMNS = 1 << 10, 1 << 16  # of a block: what a core works on at a time
_TOGETHER, _BESIDE = 256, 4  # vectors that are multiplied at a time: they stay in registers and the nearest cache
_AT_ONCE: Final = 1 << 13  # thumbnails
_PAIRS: Final = 1 << 16  # expected in a block at most
_LENGTH: Final = (
    1024  # of a vector: products add up to no more than 2**20, below the 2**24 up to which float32 is exact
)
_FRACTION: Final = 1 << 12  # magnitudes are whole multiples of so small a part of the thumbnail's length

_COSINES: Final[I64] = np.array(
    [[round(1024 * np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE))) for n in range(SIDE)] for k in range(SIDE)],
    dtype=np.int64,
)


def candidates(first: I8, second: I8) -> Iterator[tuple[I64, I64]]:
    """Yield pairs that may look alike, as array places.

    Parameters
    ----------
    first, second : int8 (n, 16, 16) and (m, 16, 16)
    """
    count = len(first) * len(second)
    if count <= _FEW:
        places = np.arange(count)
        yield places // max(1, len(second)), places % max(1, len(second))
        return
    (one, other), (fine_one, fine_other) = _coarse_and_fine(first, second)
    least = np.float32(_FINE.least * _LENGTH**2)
    for rows, columns in _near(
        one.astype(np.float32), other.astype(np.float32), np.float32(_COARSE.least * _LENGTH**2)
    ):
        for some in _pieces(rows):  # a block may have millions of pairs
            here = fine_one[rows[some]].astype(np.float32)
            there = fine_other[columns[some]].astype(np.float32)
            enough = np.einsum("ij,ij->i", here, there) > least
            yield rows[some][enough], columns[some][enough]


def _near(one: F32, other: F32, least: np.float32) -> Iterator[tuple[I64, I64]]:
    """Yield the pairs of rows whose product exceeds ``least``.

    They come block by block; each core works on a block.
    """
    columns = np.ascontiguousarray(_padded(one, _TOGETHER).T)
    rows = _padded(other, _BESIDE)
    blocks = [
        (first, second) for first in range(0, columns.shape[1], _COLUMNS) for second in range(0, len(rows), _ROWS)
    ]

    def found(block: tuple[int, int]) -> tuple[I64, I64]:
        first, second = block
        some = np.ascontiguousarray(columns[:, first : first + _COLUMNS])  # without, the loops are not vectorised
        beside = rows[second : second + _ROWS]
        pairs = np.empty((_PAIRS, 2), np.int64)
        while (count := _products_above(some, beside, least, pairs)) > len(pairs):
            pairs = np.empty((count, 2), np.int64)
        return pairs[:count, 0] + first, pairs[:count, 1] + second

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        waiting = deque(threads.submit(found, block) for block in blocks[: 2 * cores])
        for block in blocks[2 * cores :]:  # who takes the pairs may be slower than who finds them
            yield waiting.popleft().result()
            waiting.append(threads.submit(found, block))
        while waiting:
            yield waiting.popleft().result()


def _padded(vectors: F32, multiple: int) -> F32:
    """Pad with zero vectors up to a multiple.

    A zero vector is near to nothing.
    """
    return np.pad(vectors, ((0, -len(vectors) % multiple), (0, 0)))


@jit
def _products_above(columns: F32, rows: F32, least: np.float32, pairs: I64) -> int:
    """Write the pairs whose product exceeds ``least``; return their number.

    Pairs that do not fit are counted too.

    Parameters
    ----------
    columns : (k, n), n a multiple of ``_TOGETHER``
    rows : (m, k), m a multiple of ``_BESIDE``
    pairs : (most, 2), column and row of each
    """
    count = 0
    sums = np.empty((_BESIDE, _TOGETHER), np.float32)
    for first in range(0, columns.shape[1], _TOGETHER):
        for row in range(0, len(rows), _BESIDE):
            sums[:] = 0
            for k in range(columns.shape[0]):
                a, b, c, d = rows[row, k], rows[row + 1, k], rows[row + 2, k], rows[row + 3, k]
                values = columns[k, first : first + _TOGETHER]
                for i in range(_TOGETHER):
                    sums[0, i] += a * values[i]
                    sums[1, i] += b * values[i]
                    sums[2, i] += c * values[i]
                    sums[3, i] += d * values[i]
            for j in range(_BESIDE):
                above = 0
                for i in range(_TOGETHER):
                    above += sums[j, i] > least
                for i in range(_TOGETHER if above else 0):
                    if sums[j, i] > least:
                        if count < len(pairs):
                            pairs[count, 0] = first + i
                            pairs[count, 1] = row + j
                        count += 1
    return count


def _coarse_and_fine(first: I8, second: I8) -> tuple[tuple[I16, I16], tuple[I16, I16]]:
    """Return the vectors of both that the two stages compare."""
    one, other = _magnitudes(first), _magnitudes(second)
    coarse = np.array([frequency <= _COARSE.highest for frequency in _frequencies()])
    return _vectors(one[:, coarse], other[:, coarse]), _vectors(one, other)


def _vectors(first: I16, second: I16) -> tuple[I16, I16]:
    """Return the magnitudes of both as centred, normalised rows.

    Each column is the deviation from its mean over all.
    """
    parts, count = (first, second), len(first) + len(second)
    mean = sum(part.sum(axis=0, dtype=np.int64) for part in parts) // count
    squares = np.zeros(first.shape[1], np.int64)
    for some in (part[rows] for part in parts for rows in _pieces(part)):
        squares += ((some - mean) ** 2).sum(axis=0)
    deviation = np.maximum(np.sqrt(squares / count), 1)
    one, other = (np.empty(part.shape, np.int16) for part in parts)
    for part, out in ((first, one), (second, other)):
        for rows in _pieces(part):
            out[rows] = _of_one_length((part[rows] - mean) / deviation)
    return one, other


def _pieces(array: npt.NDArray[Any]) -> Iterator[slice]:
    """Yield slices of a few rows, which bound the memory."""
    return (slice(start, start + _AT_ONCE) for start in range(0, len(array), _AT_ONCE))


def _of_one_length(vectors: F64) -> F64:
    squares = np.zeros(len(vectors))
    for column in range(vectors.shape[1]):  # in one order on every machine
        squares += vectors[:, column] ** 2
    lengths = np.sqrt(squares)[:, None]
    out: F64 = np.rint(vectors * (_LENGTH / np.where(lengths, lengths, np.inf)))
    return out


def _magnitudes(thumbnails: I8) -> I16:
    """Return the orientation-invariant magnitudes, (n, magnitudes).

    Whole numbers, below 2 * ``_FRACTION`` in size.
    """
    out = np.empty((len(thumbnails), len(_frequencies())), np.int16)
    for rows in _pieces(thumbnails):
        some = thumbnails[rows].astype(np.int64)
        spectrum = _COSINES @ some @ _COSINES.T
        found = [part for u, v in _PAIRED for part in _unchanging(u, v, spectrum[:, u, v], spectrum[:, v, u])]
        scale = _FRACTION / (np.sqrt(np.maximum((some**2).sum(axis=(1, 2)), 1)) * 1024**2 * SIDE / 2)
        out[rows] = np.rint(np.stack(found, axis=1) * scale[:, None])
    return out


def _frequencies() -> list[int]:
    """Return the frequency u + v of each magnitude."""
    nothing = np.zeros(0, np.int64)
    return [u + v for u, v in _PAIRED for _ in _unchanging(u, v, nothing, nothing)]


def _unchanging(u: int, v: int, one: I64, other: I64) -> list[I64]:
    """Return the invariant magnitudes of a pair of coefficients.

    Flips change the coefficients' signs, turns exchange them too. What is the same in all orientations (both
    frequencies even, and the sum of both) is left out: see `alike`.
    """
    if u == v:
        return [np.abs(one)] if u % 2 else []
    if (u + v) % 2:
        return [np.maximum(np.abs(one), np.abs(other)), np.minimum(np.abs(one), np.abs(other))]
    return [np.abs(one - other), np.abs(one + other)] if u % 2 else [np.abs(one - other)]
