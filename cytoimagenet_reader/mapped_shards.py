"""Local shards, memory-mapped, in the schema of a config's features."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from cytoimagenet_reader.arrow_checks import check_messages, checked
from cytoimagenet_reader.file_signatures import check_same
from cytoimagenet_reader.mapped_images import Images
from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.parquet_checks import open_parquet
from cytoimagenet_reader.streams import Rows


@dataclasses.dataclass(frozen=True)
class MappedShards:
    """The shards of an opened package.

    Parquet shards that were used are kept, without the images' bytes, for all tables that are made of them.

    Attributes
    ----------
    rows : by path, the rows that are wanted; None for all
    """

    package: Package
    shards: list[Shard]
    features: datasets.Features
    rows: dict[str, Rows] | None
    _kept: dict[int, tuple[pa.Table, Images | None]] = dataclasses.field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}

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

    @property
    def parquet(self) -> bool:
        """Whether the shards are in Parquet."""
        return self.shards[0].path.endswith(".parquet")

    def table(self, number: int, schema: pa.Schema) -> tuple[pa.Table, Images | None]:
        """Return a shard in the features' schema.

        The images of a Parquet shard are apart, and have no bytes in the table. The label of a row that is not wanted
        may be null.
        """
        if number in self._kept:
            return self._kept[number]
        shard = self.shards[number]
        with reading(self.package, shard):
            table, images = self._parquet(shard) if self.parquet else (self._arrow(shard), None)
            check_same(self.package, shard)
            if table.num_rows != shard.rows:
                raise ValueError(f"{table.num_rows} rows, and {shard.rows} in the manifest")
        columns = {name: table[name] for name in self.features}
        if isinstance(self.features.get("label"), datasets.ClassLabel):
            columns["label"] = self._ids(shard, columns["label"])
        found = pa.table(list(columns.values()), schema=schema), images
        if self.parquet:
            self._kept[number] = found
        return found

    def _arrow(self, shard: Shard) -> pa.Table:
        with pa.BufferReader(self.package.maps.content(self.path(shard))) as file:
            names = check_messages(file).names
            options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in self.features])
            with pa.ipc.open_stream(file, options=options) as stream:
                return pa.Table.from_batches(checked(stream), stream.schema)

    def _parquet(self, shard: Shard) -> tuple[pa.Table, Images | None]:
        content = self.package.maps.content(self.path(shard))
        with open_parquet(pa.BufferReader(content)) as parquet:
            table = parquet.read_around_images(list(self.features)).combine_chunks()
            return table, Images(self.package, shard, content, parquet) if "image" in self.features else None

    def _ids(self, shard: Shard, labels: pa.ChunkedArray) -> pa.ChunkedArray:
        classes = pa.array(self.features["label"].names, pa.string())
        ids = pc.cast(pc.index_in(labels, value_set=classes), pa.int64())
        wanted = ids if self.rows is None else ids.take(pa.array(self.rows[shard.path]))
        if wanted.null_count:
            who = "classes.json" if self.rows is None else "metadata.parquet, which chose its rows,"
            raise self.package.fault(shard, f"it holds a class that {who} does not name")
        return ids


class ShardBatches:
    """The record batches of a shard.

    Those of a Parquet shard, whose ``images`` are apart, have images of no bytes.
    """

    def __init__(self, table: pa.Table, images: Images | None) -> None:
        self.batches = [batch for batch in table.to_batches() if len(batch)]
        self.starts = [0, *itertools.accumulate(map(len, self.batches))]
        self._images = images
        self._columns: list[list[Any]] = [[] for _ in self.batches]

    def columns(self, place: int) -> list[Any]:
        """Return a batch's arrays, cached.

        A struct gives {name: array}. Making them takes most of a row's time.
        """
        columns = self._columns[place]
        if not columns:
            columns = self._columns[place] = [
                {field.name: self._array(column.field(i), place) for i, field in enumerate(column.type)}
                if pa.types.is_struct(column.type) and not column.null_count
                else self._array(column, place)
                for column in self.batches[place].columns
            ]
        return columns

    def images(self, place: int, row: int, count: int) -> Iterator[pa.Array]:
        """Return the images of a Parquet batch's rows."""
        return iter(()) if self._images is None else self._images.arrays(self.starts[place] + row, count)

    def _array(self, column: pa.Array, place: int) -> Any:
        if self._images is None or not pa.types.is_binary(column.type):
            return column
        return _Bytes(self._images, self.starts[place])


class _Bytes(NamedTuple):
    """Images as an array of them gives its values."""

    images: Images
    start: int

    def __getitem__(self, row: Any) -> Any:
        return self.images[self.start + row]
