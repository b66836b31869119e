"""Exact percentiles from histograms and by selection: the bits of ``numpy.percentile`` on float64, without its sort.

The definition is numpy's default, linear interpolation between order statistics (Hyndman & Fan, The American
Statistician 1996, definition 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def _ranks(count: int, percent: float) -> tuple[int, int, float]:
    """Return the order statistics (from 0) on both sides of a percentile, and its share of the way to the upper."""
    position = (count - 1) * (percent / 100)  # numpy's own order of operations: other orders differ in the last bit
    lower = min(int(position), count - 1)
    return lower, min(lower + 1, count - 1), position - lower


def _between(low: float, high: float, share: float) -> float:
    """Interpolate as numpy does: from the nearer end, which keeps the result monotone in ``share``."""
    if share >= 0.5:
        return high - (high - low) * (1 - share)
    return low + (high - low) * share


def of_histogram(
    counts: npt.NDArray[np.int64], values: npt.NDArray[np.float64], percents: Sequence[float]
) -> list[float]:
    """Return percentiles of a distribution given as counts.

    Parameters
    ----------
    counts : int64 (bins,), how often each value occurs; at least one is positive
    values : float64 (bins,), the values, ascending
    percents : in [0, 100]
    """
    ends = np.cumsum(counts)
    out = []
    for percent in percents:
        lower, upper, share = _ranks(int(ends[-1]), percent)
        at = np.searchsorted(ends, [lower, upper], side="right")
        out.append(_between(float(values[at[0]]), float(values[at[1]]), share))
    return out


def of_values(values: npt.NDArray[Any], percents: Sequence[float]) -> list[float]:
    """Return percentiles of finite values, by selection; ``values`` (n,) with n of at least 1 is left as it is."""
    ranks = [_ranks(values.size, percent) for percent in percents]
    wanted = sorted({rank for lower, upper, _ in ranks for rank in (lower, upper)})
    ordered = np.partition(values, wanted)
    return [_between(float(ordered[lower]), float(ordered[upper]), share) for lower, upper, share in ranks]
