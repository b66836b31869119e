"""How examples lie to one another: axes, copies, classes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

AXES: Final = 4
"""Axes that are kept of a projection."""
_BITS: Final = 3  # of 64 in which the perceptual hashes of near copies may differ
_MOST_PAIRS: Final = 2_000
_BUCKET: Final = 200  # hashes with one quarter in common that are compared with one another


def standardised(vectors: npt.NDArray[np.floating]) -> F64:
    """Return vectors with each coordinate centred and of deviation one."""
    values = np.asarray(vectors, np.float64)
    values = values - values.mean(axis=0)
    deviation = values.std(axis=0)
    out: F64 = values / np.where(deviation > 1e-12, deviation, 1)
    return out


def principal_axes(vectors: F64, axes: int = AXES) -> tuple[F64, F64]:
    """Project centred vectors on the directions of most variance.

    Principal component analysis (Pearson 1901) by the eigenvectors of the covariance. Of each the largest entry is
    positive, so that no library decides on its sign.

    Returns
    -------
    float64 (n, axes), zeros where there are fewer coordinates; and each axis's share of the variance, float64 (axes,)
    """
    covariance = vectors.T @ vectors / max(1, len(vectors))
    values, directions = np.linalg.eigh(covariance)
    order = np.argsort(-values, kind="stable")[:axes]
    chosen = directions[:, order]
    largest = np.argmax(np.abs(chosen), axis=0)
    chosen = chosen * np.where(chosen[largest, np.arange(len(order))] < 0, -1, 1)
    out, shares = np.zeros((len(vectors), axes)), np.zeros(axes)
    out[:, : len(order)] = vectors @ chosen
    shares[: len(order)] = np.maximum(values[order], 0) / max(float(np.maximum(values, 0).sum()), 1e-12)
    return out, shares


def near_copies(hashes: U64) -> list[tuple[int, int]]:
    """Return pairs whose hashes differ in three bits or fewer.

    Of four quarters of a hash one is then the same, so only hashes with a common quarter are compared, and at most 200
    of these with one another. At most 2,000 pairs are returned, those that differ least first.

    Parameters
    ----------
    hashes : uint64 (n,)
    """
    found: dict[tuple[int, int], int] = {}
    for shift in (0, 16, 32, 48):
        quarter = (hashes >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(quarter, kind="stable")
        bounds = np.flatnonzero(np.diff(quarter[order])) + 1
        for bucket in np.split(order, bounds):
            some = bucket[:_BUCKET]
            if len(some) < 2:
                continue
            one, other = np.triu_indices(len(some), 1)
            apart = _bits(hashes[some[one]] ^ hashes[some[other]])
            for place in np.flatnonzero(apart <= _BITS).tolist():
                pair = sorted((int(some[one[place]]), int(some[other[place]])))
                found[pair[0], pair[1]] = int(apart[place])
    return sorted(found, key=lambda pair: (found[pair], pair))[:_MOST_PAIRS]


def alike_classes(vectors: F64, classes: I64, count: int, most: int = 6) -> list[list[tuple[int, float]]]:
    """Return for each class those whose means lie nearest.

    Parameters
    ----------
    vectors : float64 (n, d), standardised
    classes : int64 (n,), the class of each
    count : classes there are

    Returns
    -------
    for each class at most ``most`` pairs: another class, and its distance in units of the mean distance of two classes
    """
    sums = np.zeros((count, vectors.shape[1]))
    np.add.at(sums, classes, vectors)
    sizes = np.bincount(classes, minlength=count)
    means = sums / np.maximum(sizes, 1)[:, None]
    squares = (means**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0))
    np.fill_diagonal(distance, np.inf)
    distance[:, sizes == 0] = distance[sizes == 0] = np.inf
    finite = distance[np.isfinite(distance)]
    unit = float(finite.mean()) if len(finite) else 1.0
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :most]
    return [
        [(int(other), float(row[other]) / max(unit, 1e-12)) for other in places if np.isfinite(row[other])]
        for row, places in zip(distance, nearest, strict=True)
    ]


def _bits(values: U64) -> I64:
    """Return how many bits of each value are set."""
    counts: I64 = np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1, dtype=np.int64)
    return counts
