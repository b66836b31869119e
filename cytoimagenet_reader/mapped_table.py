"""Memory-mapped shards as a table of ``datasets``."""

from __future__ import annotations

import bisect
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from datasets.table import InMemoryTable, MemoryMappedTable

from cytoimagenet_reader.image_bytes import holds_bytes, with_bytes
from cytoimagenet_reader.mapped_shards import MappedShards, ShardBatches

Piece = tuple[ShardBatches, int, int, int]
"""Rows of a record batch: its shard, its number there, its first row of these, how many."""


class MappedTable(MemoryMappedTable):  # type: ignore[misc]  # datasets has no types
    """Memory-mapped shards as one table with class ids.

    A shard is read when it is used. A table of ``datasets`` that is mapped from one file is pickled as its path and
    what was done to it since; this one likewise, from many files. Its ``path`` is a file that never exists, in the
    cache of ``datasets``: beside it go the results of ``map`` and ``filter``, so that nothing is ever written into the
    package.
    """

    def __init__(self, source: MappedShards, path: str, replays: Sequence[tuple[str, Any, Any]] = ()) -> None:
        # The base's own __init__ would index every batch.
        self.source, self.path, self.replays = source, os.path.abspath(path), list(replays)
        self._steps = [replay for replay in replays if replay[0] != "slice"]  # each row's own, so slices come last
        self._stored = source.features.arrow_schema  # made once: it spells every class
        self._schema = self._apply_replays(self._stored.empty_table(), self._steps).schema
        self._late = source.parquet and _changes_images(self._stored, self._steps)  # steps wait for the images
        self._starts = [0, *itertools.accumulate(shard.rows for shard in source.shards)]
        self._first, self._length = 0, self._starts[-1]
        for name, args, _ in replays:
            if name == "slice":
                offset, length = min(args[0], self._length), args[1]
                self._first += offset
                self._length = min(self._length - offset, self._length if length is None else length)
        self._loaded: list[ShardBatches | None] = [None] * len(source.shards)

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "path": self.path, "replays": self.replays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __deepcopy__(self, memo: dict[int, Any]) -> MappedTable:
        return self  # nothing changes it

    def slice(self, offset: int = 0, length: int | None = None) -> MappedTable:
        """Return rows from ``offset`` on."""
        return MappedTable(self.source, self.path, [*self.replays, ("slice", (offset, length), {})])

    def __len__(self) -> int:
        return self._length

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def column_names(self) -> list[str]:
        return list(self._schema.names)

    @property
    def num_columns(self) -> int:
        return len(self._schema)

    @property
    def num_rows(self) -> int:
        return self._length

    @property
    def shape(self) -> tuple[int, int]:
        return self._length, len(self._schema)

    @functools.cached_property
    def table(self) -> pa.Table:
        """All rows as a pyarrow table, reading every shard."""
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
            list(threads.map(self._shard, range(len(self.source.shards))))
        return self.fast_slice(0)

    def column(self, i: int | str) -> pa.ChunkedArray:
        """Return a column, of all rows."""
        name = self._schema.names[i] if isinstance(i, int) else i
        if self.source.parquet and name in self._schema.names and len(self._schema) > 1:
            return self.select([name]).table.column(0)  # without images, which are an array each
        return self.table.column(i)

    def row(self, row: int) -> dict[str, Any]:
        """Return a row as Python values."""
        batches, place, row = self._place(row)
        if self._late:
            found: dict[str, Any] = self._table([(batches, place, row, 1)]).to_pylist()[0]
            return found
        columns = batches.columns(place)
        return {
            name: {part: values[row].as_py() for part, values in column.items()}
            if isinstance(column, dict)
            else column[row].as_py()
            for name, column in zip(self._schema.names, columns, strict=True)
        }

    def fast_slice(self, offset: int = 0, length: int | None = None) -> pa.Table:
        """Return rows from ``offset`` on."""
        if offset < 0:
            raise IndexError("Offset must be non-negative")
        stop = self._length if length is None else min(offset + length, self._length)
        return self._table(self._between(offset, stop))

    def fast_gather(self, indices: Iterable[int]) -> pa.Table:
        """Return the rows of these numbers."""
        return self._table((*self._place(int(i)), 1) for i in indices)

    def to_batches(self, max_chunksize: int | None = None) -> list[pa.RecordBatch]:
        return list(self.to_reader(max_chunksize))

    def to_reader(self, max_chunksize: int | None = None) -> pa.RecordBatchReader:
        """Return a reader of all rows, shard after shard."""

        def pieces() -> Iterator[pa.RecordBatch]:
            for batches, place, row, count in self._between(0, self._length):
                size = max_chunksize or (self.source.package.batch_rows if self.source.parquet else count)
                for start in range(row, row + count, size):
                    here = min(size, row + count - start)
                    if self.source.parquet:
                        yield from self._table([(batches, place, start, here)]).combine_chunks().to_batches()
                    else:
                        yield batches.batches[place].slice(start, here)

        return pa.RecordBatchReader.from_batches(self._schema, pieces())

    def _between(self, start: int, stop: int) -> Iterator[Piece]:
        """Yield the rows from ``start`` to before ``stop``."""
        while start < stop:
            batches, place, row = self._place(start)
            count = min(len(batches.batches[place]) - row, stop - start)
            yield batches, place, row, count
            start += count

    def _table(self, pieces: Iterable[Piece]) -> pa.Table:
        """Return rows as a table."""
        pieces = list(pieces)
        rows = [batches.batches[place].slice(row, count) for batches, place, row, count in pieces]
        table = pa.Table.from_batches(rows, schema=self._stored if self._late else self._schema)
        for i, field in enumerate(table.schema if self.source.parquet and rows else ()):
            if holds_bytes(field.type):
                images = (image for batches, *where in pieces for image in batches.images(*where))
                table = table.set_column(i, field, with_bytes(table.column(i), images))
        return self._apply_replays(table, self._steps) if self._late else table

    def _place(self, row: int) -> tuple[ShardBatches, int, int]:
        """Return a row's (shard batches, batch number, row in batch)."""
        row += self._first
        number = bisect.bisect_right(self._starts, row) - 1
        row -= self._starts[number]
        batches = self._loaded[number] or self._shard(number)
        place = bisect.bisect_right(batches.starts, row) - 1
        return batches, place, row - batches.starts[place]

    def _shard(self, number: int) -> ShardBatches:
        found = self._loaded[number]
        if found is None:
            table, images = self.source.table(number, self._stored)
            table = table if self._late else self._apply_replays(table, self._steps)
            found = self._loaded[number] = ShardBatches(table, images)
        return found


def _changes_images(schema: pa.Schema, steps: Sequence[tuple[str, Any, Any]]) -> bool:
    """Return whether a step makes the images' bytes another type.

    Or makes bytes of another column.
    """
    table = schema.empty_table()
    for step in steps:
        before, table = table.schema, MappedTable._apply_replays(table, [step])
        if step[0] == "cast" and any(
            before.field(field.name).type != field.type
            and (holds_bytes(before.field(field.name).type) or holds_bytes(field.type))
            for field in table.schema
        ):
            return True
    return False


def _of_rows(name: str) -> Callable[..., MappedTable]:
    """Return a method applied lazily to each shard."""

    def method(self: MappedTable, *args: Any, **kwargs: Any) -> MappedTable:
        return MappedTable(self.source, self.path, [*self.replays, (name, args, kwargs)])

    return method


def _of_columns(name: str) -> Callable[..., InMemoryTable]:
    """Return a method that needs all rows."""

    def method(self: MappedTable, *args: Any, **kwargs: Any) -> InMemoryTable:
        return InMemoryTable(getattr(self.table, name)(*args, **kwargs))

    return method


for _name in ("cast", "flatten", "replace_schema_metadata", "remove_column", "rename_columns", "drop", "select"):
    setattr(MappedTable, _name, _of_rows(_name))
for _name in ("filter", "combine_chunks", "add_column", "append_column", "set_column"):
    setattr(MappedTable, _name, _of_columns(_name))
