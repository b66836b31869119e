"""Exact percentiles from histograms and by selection.

The bits are those of ``numpy.percentile`` on float64, without its sort. The definition is numpy's default, linear
interpolation between order statistics (Hyndman & Fan, The American Statistician 1996, definition 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.pixels import kernels

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def _ranks(count: int, percents: Sequence[float]) -> tuple[I64, list[float]]:
    """Return the order statistics around each percentile, and its share.

    Two, counted from 0; the share is that of the way between them.
    """
    ranks, shares = [], []
    for percent in percents:
        position = (count - 1) * (percent / 100)  # numpy's own order of operations: others differ in the last bit
        lower = min(int(position), count - 1)
        ranks += [lower, min(lower + 1, count - 1)]
        shares.append(position - lower)
    return np.array(ranks, np.int64), shares


def _between(around: F64, shares: Sequence[float]) -> list[float]:
    """Interpolate from the nearer end, as numpy does.

    So the result stays monotone in the share.
    """
    pairs = [(float(low), float(high)) for low, high in around.reshape(-1, 2)]
    return [
        high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share
        for (low, high), share in zip(pairs, shares, strict=True)
    ]


def of_histogram(counts: I64, values: F64, percents: Sequence[float]) -> list[float]:
    """Return percentiles of a distribution given as counts.

    Parameters
    ----------
    counts : int64 (levels,), how often each value occurs; at least one is positive
    values : float64 (levels,), the values, ascending
    percents : in [0, 100]
    """
    ranks, shares = _ranks(int(counts.sum()), percents)
    return _between(values[kernels.levels_at(counts, ranks)], shares)


def of_merged(merged: F64, percents: Sequence[float]) -> list[float]:
    """Return percentiles of a float64 image in [0, 1]."""
    ranks, shares = _ranks(merged.size, percents)
    return _between(kernels.order_statistics(merged, ranks), shares)


def of_values(values: npt.NDArray[Any], percents: Sequence[float]) -> list[float]:
    """Return percentiles of finite float64 values by selection.

    ``values`` is (n,), n at least 1, and is left as it is.
    """
    ranks, shares = _ranks(values.size, percents)
    return _between(np.partition(values, np.unique(ranks))[ranks], shares)
