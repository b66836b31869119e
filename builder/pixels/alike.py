"""Detection of images that look alike in any orientation.

Their thumbnails (`builder.pixels.thumbnail`) are compared in the eight orientations of a square. Round cells and
outlines of wells resemble one another whatever is in them, because most of their structure is the same in all
orientations. So that part is taken away: two thumbnails are compared by the correlation of the rest, in the orientation
that suits best. Where the rest is small, a higher correlation is asked for. `docs/split.md` says how the thresholds
were found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.pixels.alike_candidates import candidates
from builder.pixels.thumbnail import SIDE

I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ALIKE: Final = 0.77
"""Correlation above which two images are alike."""
ALIKE_SYMMETRIC: Final = 0.93
"""The same where one of them has less than ``ASYMMETRY`` of its energy in what orientations change."""
ASYMMETRY: Final = 0.6

_ORIENTATIONS: Final = 8
_AT_ONCE: Final = 1 << 13  # pairs


class Alike(NamedTuple):
    """Pairs that look alike, most alike first.

    Places in the two arrays, and the correlation.
    """

    first: I64
    second: I64
    correlation: F64
    symmetric: Mask  # most of one of them changes in no orientation: round cells, outlines of wells


_NONE: Final = Alike(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.bool_))


def alike(first: I8, second: I8) -> Alike:
    """Find pairs of thumbnails that look alike across both arrays.

    Parameters
    ----------
    first, second : int8 (n, 16, 16) and (m, 16, 16), thumbnails
    """
    one, other = _prepared(first), _prepared(second)
    found = [_NONE, *(_compared(one, other, rows, columns) for rows, columns in candidates(first, second))]
    rows, columns, values, symmetric = _joined(found)
    order = np.lexsort((columns, rows, -values))
    return Alike(rows[order], columns[order], values[order], symmetric[order])


def orientations(arrays: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield arrays (n, side, side) in a square's eight orientations."""
    for turned in (arrays, arrays.transpose(0, 2, 1)):
        for rows, columns in itertools.product((1, -1), repeat=2):
            yield turned[:, ::rows, ::columns]


class _Prepared(NamedTuple):
    thumbnails: I8  # (n, 16, 16)
    length: F64  # (n,), of what orientations change
    symmetric: Mask  # (n,)


def _prepared(thumbnails: I8) -> _Prepared:
    length, symmetric = np.empty(len(thumbnails)), np.empty(len(thumbnails), np.bool_)
    for start in range(0, len(thumbnails), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        whole = thumbnails[rows].reshape(-1, SIDE * SIDE).astype(np.float64)
        energy = _squares(_changing(thumbnails[rows]).astype(np.float64))
        length[rows] = np.sqrt(energy)
        symmetric[rows] = energy < ASYMMETRY * _ORIENTATIONS**2 * _squares(whole)
    return _Prepared(thumbnails, length, symmetric)


def _changing(thumbnails: I8) -> npt.NDArray[np.int16]:
    """Return what orientations change, times 8, (n, 256)."""
    whole = thumbnails.astype(np.int16)
    changing = _ORIENTATIONS * whole
    for turned in orientations(whole):
        changing -= turned
    return changing.reshape(len(whole), SIDE * SIDE)


def _squares(rows: F64) -> F64:
    """Return each row's sum of squares, exact in any order."""
    out: F64 = np.einsum("ij,ij->i", rows, rows)
    return out


def _compared(one: _Prepared, other: _Prepared, rows: I64, columns: I64) -> Alike:
    """Compare these pairs in full; return those alike."""
    kept = [_NONE]
    for start in range(0, len(rows), _AT_ONCE):
        a, b = rows[start : start + _AT_ONCE], columns[start : start + _AT_ONCE]
        here, there = (_changing(side.thumbnails[places]).astype(np.float64) for side, places in ((one, a), (other, b)))
        turned = (part.reshape(len(b), -1) for part in orientations(there.reshape(-1, SIDE, SIDE)))
        best = np.max([np.einsum("ij,ij->i", here, part) for part in turned], axis=0)
        lengths = one.length[a] * other.length[b]
        values = best / np.where(lengths, lengths, np.inf)
        symmetric = one.symmetric[a] | other.symmetric[b]
        enough = values > np.where(symmetric, ALIKE_SYMMETRIC, ALIKE)
        kept.append(Alike(a[enough], b[enough], values[enough], symmetric[enough]))
    return _joined(kept)


def _joined(found: list[Alike]) -> Alike:
    return Alike(*(np.concatenate(part) for part in zip(*found, strict=True)))
