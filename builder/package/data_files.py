"""Reading a package's data files, whoever made them: nothing is used of a batch before its offsets were checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cytoimagenet_reader.arrow_checks import check_schema, checked, stream_batches

MALFORMED = (pa.ArrowException, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError, EOFError)
"""What reading or comparing malformed data raises."""


def data_batches(
    file: Any, path: str, columns: Sequence[str] | None = None, rows: int = 1000
) -> Iterator[pa.RecordBatch]:
    """Yield the checked record batches of a shard or a metadata table, in either format.

    Parameters
    ----------
    file : open for reading, or a buffer
    path : its name, whose ending says what it is
    columns : those to read of Parquet; None for all
    rows : of a batch of Parquet, at most

    Raises
    ------
    ValueError, OSError
        Where the file is malformed, or has types that no package has.
    """
    if path.endswith(".parquet"):
        parquet = pq.ParquetFile(file)
        check_schema(parquet.schema_arrow)
        yield from checked(parquet.iter_batches(rows, columns=None if columns is None else list(columns)))
    else:
        yield from stream_batches(file)[1]


def whole_table(file: Any, columns: Sequence[str] | None = None, coded: Sequence[str] = ()) -> pa.Table:
    """Return a Parquet table, checked.

    Raises
    ------
    ValueError, OSError
        Where it is malformed, or has no value where its schema wants one.
    """
    table = pq.read_table(file, columns=None if columns is None else list(columns), read_dictionary=list(coded))
    table.validate(full=True)
    empty = [field.name for field in table.schema if not field.nullable and table[field.name].null_count]
    if empty:
        raise ValueError(f"rows without a value in {', '.join(empty)}")
    return table
