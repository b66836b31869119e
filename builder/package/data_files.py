"""Safe reading of a package's data files, whoever made them.

Nothing of a batch is used before its offsets were checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from cytoimagenet_reader.arrow_checks import stream_batches
from cytoimagenet_reader.parquet_checks import Parquet, open_parquet

MALFORMED = (pa.ArrowException, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError, EOFError)
"""What reading or comparing malformed data raises."""
_OF_MACHINE: Final = tuple(
    map(os.strerror, (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.EIO, errno.ENOSPC, errno.EDQUOT))
)


def raise_of_machine(error: Exception) -> None:
    """Raise an error again if the machine caused it.

    Such an error says nothing of the data: there is no thread, memory, file or room to be had.
    """
    if any(text in str(error) for text in _OF_MACHINE):
        raise error


def data_batches(
    file: Any, path: str, columns: Sequence[str] | None = None, rows: int = 1000
) -> Iterator[pa.RecordBatch]:
    """Yield checked record batches of a shard or metadata table.

    Either format is read.

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
        with opened(file) as table:
            for group in range(len(table.rows)):
                yield from table.read([group], columns).combine_chunks().to_batches(rows)
    else:
        yield from stream_batches(file)[1]


def data_schema(file: Any, path: str) -> pa.Schema:
    """Return the schema with which a data file is written.

    Labels that are numbers stay so.
    """
    if path.endswith(".parquet"):
        return pq.read_schema(file)
    return pa.ipc.open_stream(file).schema


def whole_table(file: Any, columns: Sequence[str] | None = None, coded: Sequence[str] = ()) -> pa.Table:
    """Return a Parquet table, checked.

    Parameters
    ----------
    coded : columns of texts that are returned as codes and a dictionary

    Raises
    ------
    ValueError, OSError
        Where it is malformed, or has no value where its schema wants one.
    """
    with opened(file, read_dictionary=list(coded)) as parquet:
        table = parquet.read(range(len(parquet.rows)), columns)
    empty = [field.name for field in table.schema if not field.nullable and table[field.name].null_count]
    if empty:
        raise ValueError(f"rows without a value in {', '.join(empty)}")
    return table


@contextlib.contextmanager
def opened(file: Any, **options: Any) -> Iterator[Parquet]:
    """Open a Parquet file of a package for checked reading.

    ``file`` is a buffer or open for reading.

    Raises
    ------
    ValueError, OSError
        Where its footer is malformed, or it has types that no package has.
    """
    source = file if isinstance(file, pa.NativeFile) else pa.PythonFile(file, "r")
    with open_parquet(source, **options) as parquet:
        yield parquet
