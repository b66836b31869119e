"""Memory-mapped shards as a table of ``datasets``."""

from __future__ import annotations

import bisect
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import datasets
import pyarrow as pa
import pyarrow.compute as pc
from datasets.table import InMemoryTable, MemoryMappedTable

from cytoimagenet_reader.arrow_checks import check_messages, checked
from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.stamps import check_same
from cytoimagenet_reader.streams import Rows


class MappedShards(NamedTuple):
    """The shards of an opened package.

    ``rows``: by path, the rows that are wanted; None for all.
    """

    package: Package
    shards: list[Shard]
    features: datasets.Features
    rows: dict[str, Rows] | None

    def check(self) -> None:
        """Raise ShardError for a missing or wrongly sized shard."""
        for shard in self.shards:
            with reading(self.package, shard):
                size = os.stat(self.path(shard)).st_size
                if size != shard.bytes:
                    raise ValueError(f"{size} bytes, and {shard.bytes} in the manifest")

    def path(self, shard: Shard) -> str:
        """Return where a shard is."""
        return self.package.local_path(shard.path)

    def table(self, number: int, schema: pa.Schema) -> pa.Table:
        """Return a memory-mapped shard in the features' schema.

        The label of a row that is not wanted may be null.
        """
        shard, features = self.shards[number], self.features
        with reading(self.package, shard), pa.memory_map(self.path(shard)) as file:
            names = check_messages(file).names
            options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in features])
            with pa.ipc.open_stream(file, options=options) as stream:
                table = pa.Table.from_batches(checked(stream), stream.schema)
            check_same(self.package, shard)
            if table.num_rows != shard.rows:
                raise ValueError(f"{table.num_rows} rows, and {shard.rows} in the manifest")
        columns = {name: table[name] for name in features}
        if isinstance(features.get("label"), datasets.ClassLabel):
            classes = pa.array(features["label"].names, pa.string())
            columns["label"] = pc.cast(pc.index_in(columns["label"], value_set=classes), pa.int64())
            wanted = columns["label"] if self.rows is None else columns["label"].take(pa.array(self.rows[shard.path]))
            if wanted.null_count:
                who = "classes.json" if self.rows is None else "metadata.parquet, which chose its rows,"
                raise self.package.fault(shard, f"it holds a class that {who} does not name")
        return pa.table(list(columns.values()), schema=schema)


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

    def row(self, row: int) -> dict[str, Any]:
        """Return a row as Python values."""
        batches, place, row = self._place(row)
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
        return pa.Table.from_batches(self._between(offset, stop), schema=self._schema)

    def fast_gather(self, indices: Iterable[int]) -> pa.Table:
        """Return the rows of these numbers."""
        places = map(self._place, (int(i) for i in indices))
        rows = [batches.batches[place].slice(row, 1) for batches, place, row in places]
        return pa.Table.from_batches(rows, schema=self._schema)

    def to_batches(self, max_chunksize: int | None = None) -> list[pa.RecordBatch]:
        return list(self.to_reader(max_chunksize))

    def to_reader(self, max_chunksize: int | None = None) -> pa.RecordBatchReader:
        """Return a reader of all rows, shard after shard."""

        def pieces() -> Iterator[pa.RecordBatch]:
            for batch in self._between(0, self._length):
                size = max_chunksize or len(batch)
                yield from (batch.slice(start, size) for start in range(0, len(batch), size))

        return pa.RecordBatchReader.from_batches(self._schema, pieces())

    def _between(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows from ``start`` to before ``stop``."""
        while start < stop:
            batches, place, row = self._place(start)
            batch = batches.batches[place]
            count = min(len(batch) - row, stop - start)
            yield batch if count == len(batch) else batch.slice(row, count)
            start += count

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
            table = self.source.table(number, self._stored)
            found = self._loaded[number] = ShardBatches(self._apply_replays(table, self._steps))
        return found


class ShardBatches:
    """The record batches of a shard."""

    def __init__(self, table: pa.Table) -> None:
        self.batches = [batch for batch in table.to_batches() if len(batch)]
        self.starts = [0, *itertools.accumulate(map(len, self.batches))]
        self._columns: list[list[Any]] = [[] for _ in self.batches]

    def columns(self, place: int) -> list[Any]:
        """Return a batch's arrays, cached.

        A struct gives {name: array}. Making them takes most of a row's time.
        """
        columns = self._columns[place]
        if not columns:
            columns = self._columns[place] = [
                {field.name: column.field(i) for i, field in enumerate(column.type)}
                if pa.types.is_struct(column.type) and not column.null_count
                else column
                for column in self.batches[place].columns
            ]
        return columns


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
