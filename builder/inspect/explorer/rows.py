"""A package's examples as coded columns; records of a few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.package.data_files import opened, whole_table
from builder.schema import CATEGORIES
from cytoimagenet_reader import layout

I64 = npt.NDArray[np.int64]

_CODED: Final = ("label", *CATEGORIES, "category", "dir_name", "split", "shard", "microscopy", "license", "database")
_READ: Final = (
    *_CODED,
    *("idx", "group", "batch", "position", "pixels_sha256", "sha256", "phash"),
    *("crop", "scaling", "contrast", "mean", "p75", "distinct", "sharpness"),
)


class Codes(NamedTuple):
    """A column as codes into the sorted list of values."""

    codes: I64  # -1 where there is no value
    values: list[Any]


def read_rows(package: Store) -> pa.Table:
    """Return the columns of ``metadata.parquet`` that a report counts.

    Repeated texts come as codes: 890,000 examples take some 300 MB.
    """
    with package.open(layout.METADATA_TABLE) as file:
        return whole_table(file, _READ, _CODED).unify_dictionaries()


def coded(column: pa.ChunkedArray) -> Codes:
    """Return a column's codes and values, the values sorted."""
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    order = pc.sort_indices(whole.dictionary)
    rank = np.empty(len(whole.dictionary) + 1, np.int64)
    rank[order.to_numpy()] = np.arange(len(whole.dictionary))
    rank[-1] = -1
    return Codes(rank[whole.indices.fill_null(-1).to_numpy()], whole.dictionary.take(order).to_pylist())


def records(package: Store, rows: I64) -> pa.Table:
    """Return every column of some examples, in that order.

    A row group of ``metadata.parquet`` is in memory at a time.

    Parameters
    ----------
    rows : int64 (n,), numbers of rows, each once
    """
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    found: list[pa.Table] = []
    with package.open(layout.METADATA_TABLE) as file, opened(file) as parquet:
        start = 0
        for group, size in enumerate(parquet.rows):
            low, high = np.searchsorted(ascending, (start, start + size)).tolist()
            if low < high or (not found and group == len(parquet.rows) - 1):
                found.append(parquet.read([group], None).take(pa.array(ascending[low:high] - start)))
            start += size
    together: pa.Table = pa.concat_tables(found)
    return together.take(pa.array(np.argsort(order, kind="stable")))


def places(table: pa.Table, rows: Sequence[int] | I64) -> list[tuple[str, int]]:
    """Return shard (without its ending) and position of each row."""
    some = table.select(["shard", "position"]).take(pa.array(np.asarray(rows, np.int64)))
    return list(zip(some["shard"].to_pylist(), some["position"].to_pylist(), strict=True))
