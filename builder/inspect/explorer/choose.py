"""Which examples of each class a report shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from builder.inspect.explorer.rows import coded

I64 = npt.NDArray[np.int64]


def choose(table: pa.Table, classes: I64, most: int) -> I64:
    """Return the rows shown, class by class.

    They are dealt from the class's sources, scales and sides of the split in turn, so that none is missing for being
    rare. Within each those come first that lie first in their shards, whose order is drawn: so few record batches need
    to be read.

    Parameters
    ----------
    table : of `read_rows`
    classes : int64 (rows,), the number of each example's class
    most : examples of a class
    """
    strata = np.zeros(len(classes), np.int64)
    for name in ("dir_name", "scaling", "split"):
        codes, values = coded(table[name])
        strata = strata * len(values) + codes
    position = table["position"].to_numpy()
    shard = coded(table["shard"]).codes
    order = np.lexsort((shard, position, strata, classes))
    rank = _place_within(classes[order] * (strata.max(initial=0) + 1) + strata[order])
    dealt = order[np.lexsort((strata[order], rank, classes[order]))]
    chosen: I64 = dealt[_place_within(classes[dealt]) < most]
    return chosen


def _place_within(groups: I64) -> I64:
    """Return each row's place among the neighbours of its group."""
    first = np.flatnonzero(np.append(True, groups[1:] != groups[:-1])) if len(groups) else np.empty(0, np.int64)
    sizes = np.diff(np.append(first, len(groups)))
    return np.arange(len(groups)) - np.repeat(first, sizes)
