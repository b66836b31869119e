"""Reading and writing of Parquet files.

pyarrow reads ahead in threads of its own. One that still holds a Python file when the interpreter ends aborts the
process, so a local file is opened by pyarrow itself, and any other is read by the calling thread alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine.store import Store

_ROWS: Final = 65_536


class ParquetTable:
    """A Parquet file that is open for reading.

    Attributes
    ----------
    schema : with its metadata
    groups : number of row groups
    """

    def __init__(self, file: pq.ParquetFile, threads: bool) -> None:
        self._file, self._threads = file, threads
        self.schema: pa.Schema = file.schema_arrow
        self.groups: int = file.num_row_groups

    def read(self, columns: Sequence[str] | None = None, threads: bool = True) -> pa.Table:
        """Return all rows of these columns; None means all columns."""
        return _ordered(self._file.read(columns=_list(columns), use_threads=threads and self._threads), columns)

    def read_group(self, group: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of a row group."""
        return _ordered(self._file.read_row_group(group, columns=_list(columns), use_threads=self._threads), columns)

    def batches(self, columns: Sequence[str] | None = None, rows: int = _ROWS) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most ``rows`` rows."""
        for batch in self._file.iter_batches(rows, columns=_list(columns), use_threads=self._threads):
            yield _ordered(batch, columns)


@contextlib.contextmanager
def open_parquet(store: Store, path: str, coded: Sequence[str] = ()) -> Iterator[ParquetTable]:
    """Open a Parquet file of a store.

    Parameters
    ----------
    coded : columns of texts that are returned as codes and a dictionary

    Raises
    ------
    FileNotFoundError
        Where there is none.
    KeyError
        On reading, where a column is missing.
    pyarrow.ArrowException, OSError
        Where it is malformed, or cannot be read.
    """
    local = store.local(path)
    with contextlib.ExitStack() as closing:
        source = closing.enter_context(store.open(path) if local is None else pa.OSFile(local))
        file = closing.enter_context(pq.ParquetFile(source, read_dictionary=list(coded), pre_buffer=False))
        yield ParquetTable(file, threads=local is not None)


def read_parquet(store: Store, path: str, columns: Sequence[str] | None = None, coded: Sequence[str] = ()) -> pa.Table:
    """Return a Parquet table of a store, see `open_parquet`."""
    with open_parquet(store, path, coded) as table:
        return table.read(columns)


@contextlib.contextmanager
def parquet_writer(file: Any, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """Give a writer that is closed only after success.

    What an exception or Ctrl-C breaks off is not published. Closed later, as it is let go of, the writer would find the
    file closed, and print a traceback.

    Parameters
    ----------
    options : as ``pyarrow.parquet.ParquetWriter`` takes them
    """
    writer = None
    try:
        writer = pq.ParquetWriter(file, schema, **options)
        yield writer
        writer.close()
    except BaseException:
        if writer is not None:
            writer.is_open = False
        raise


def _ordered(rows: Any, columns: Sequence[str] | None) -> Any:
    """Return these columns, in this order."""
    return rows if columns is None else rows.select(list(columns))


def _list(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(columns)
