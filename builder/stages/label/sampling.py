"""Stratified sampling with exact shares by largest remainders.

Rows are drawn by their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from builder.draw import U64, mix64
from builder.stages.label.index import Column, Rows, stable_order

Ints = npt.NDArray[np.int64]

_DENSE = 1 << 16  # up to so many possible strata, or the number of rows, a table of them is faster than sorting
_WIDEST = 1 << 62


def strata_of(rows: Rows, columns: Sequence[Column]) -> Ints:
    """Return the stratum of each row as an integer.

    The result has shape (n,); strata are numbered from 0 in the order of their values, null first. A stratum is one
    combination of the columns' cells (whole cells, not tokens) that occurs among the rows.
    """
    ids = np.zeros(len(rows), np.int64)
    size = 1
    for column in columns:
        if size * len(column.values) > _WIDEST:
            ids, size = _compact(ids, size)
        size *= len(column.values)
        ids = ids * len(column.values) + column.codes[rows]
    return _compact(ids, size)[0]


def _compact(ids: Ints, size: int) -> tuple[Ints, int]:
    """Renumber ids consecutively in order; return them and their number."""
    if size <= max(_DENSE, len(ids)):
        seen = np.zeros(size, bool)
        seen[ids] = True
        number = np.cumsum(seen) - 1
        return number[ids], int(number[-1]) + 1
    order = np.argsort(ids)
    number = np.cumsum(np.diff(ids[order], prepend=ids[order[:1]]) != 0)
    out = np.empty_like(ids)
    out[order] = number
    return out, int(number[-1]) + 1


def shares(counts: Ints, size: int, tie: Callable[[Ints], U64]) -> Ints:
    """Allocate ``size`` places to strata by largest remainders (Hamilton's method).

    ``counts``, shape (strata,), are the rows of each stratum. Each share lies less than one from ``size * counts /
    sum(counts)``. Equal remainders go to the strata with the smaller keys, which ``tie`` gives for strata (numbers),
    then to the earlier stratum.
    """
    total = int(counts.sum())
    places, rest = np.divmod(counts * size, total)
    left = size - int(places.sum())
    if left:
        edge = np.partition(rest, len(rest) - left)[len(rest) - left]
        places[rest > edge] += 1
        equal = np.flatnonzero(rest == edge)
        wanted = size - int(places.sum())
        if wanted < len(equal):
            equal = equal[np.argsort(tie(equal), kind="stable")]
        places[equal[:wanted]] += 1
    return places


def stratified(rows: Rows, keys: U64, columns: Sequence[Column], size: int, salt: int) -> Rows:
    """Draw ``size`` of the rows, stratified over the columns.

    Parameters
    ----------
    rows : shape (n,), n >= size, row numbers in any order
    keys : one key a row of the table: with ``salt`` the only source of chance, so that positions do not matter
    salt : what the draw is for, see ``builder.draw.key64``
    """
    ids = strata_of(rows, columns)
    counts = np.bincount(ids)

    def tie(strata: Ints) -> U64:
        any_row = np.empty(len(counts), np.int64)
        any_row[ids] = rows
        return _stratum_keys(any_row[strata], columns, salt)

    places = shares(counts, size, tie)
    draws = mix64(keys[rows], salt)
    likely = _likely(ids, draws, counts, places)
    order = likely[np.argsort(draws[likely])]
    order = order[stable_order(ids[order])]
    ordered = ids[order]
    sizes = np.bincount(ordered, minlength=len(counts))
    rank = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[ordered]
    return rows[order[rank < places[ordered]]]


def _stratum_keys(rows: Rows, columns: Sequence[Column], salt: int) -> U64:
    """Return a seeded key for each row's stratum."""
    keys = np.zeros(len(rows), np.uint64)
    for column in columns:
        keys = mix64(keys ^ column.keys[column.codes[rows]], salt)
    return keys


def _likely(ids: Ints, draws: U64, counts: Ints, places: Ints) -> npt.NDArray[np.intp]:
    """Return positions that include each stratum's ``places`` smallest draws.

    They are few, so that few need sorting.
    """
    if len(ids) < 4 * int(places.sum()):
        return np.arange(len(ids))
    wanted = (places + 6 * np.sqrt(places) + 12) / counts  # six standard deviations more than needed
    limit = (np.minimum(wanted, 1.0) * (2.0**64 - 4096)).astype(np.uint64)
    limit[wanted >= 1] = np.iinfo(np.uint64).max
    likely = np.flatnonzero(draws <= limit[ids])
    if np.any(np.bincount(ids[likely], minlength=len(counts)) < places):
        return np.arange(len(ids))
    return likely
