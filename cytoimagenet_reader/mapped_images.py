"""Images of a local Parquet shard, where they lie in the file.

An array of Arrow holds values that follow one another; in a page of Parquet the length of each comes between. So a few
images are copied together, which is faster, and of many each is an array of its own, where it lies.
"""

from __future__ import annotations

import bisect
import itertools
from array import array
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.parquet_checks import Parquet, open_parquet
from cytoimagenet_reader.parquet_pages import plain_places
from cytoimagenet_reader.stamps import check_same

_HELD: Final = 2  # row groups of compressed images
_COPIED: Final = 200  # images of a table, at most, that are copied together


class _Group(NamedTuple):
    """Where the images of a row group lie in ``content``."""

    content: memoryview
    begins: Sequence[int]
    ends: Sequence[int]


class Images:
    """The bytes of a mapped shard's images, by row.

    A row group is looked at when an image of it is used. Places are kept, 16 bytes an image; what is compressed, as
    other writers than a package's may do, is held for the row groups used last.

    Raises
    ------
    ShardError
        From all methods, where the images cannot be read.
    """

    def __init__(self, package: Package, shard: Shard, content: pa.Buffer, parquet: Parquet) -> None:
        self._package, self._shard, self._content = package, shard, content
        self._view = memoryview(content)
        self._chunks = parquet.image_chunks()
        self._starts = [0, *itertools.accumulate(parquet.rows)]
        self._placed: list[_Group | None] = [None] * len(self._chunks)
        self._held: dict[int, _Group] = {}

    def __getitem__(self, row: int) -> memoryview:
        """Return a view of the image of a row."""
        group, row = self._find(row)
        return group.content[group.begins[row] : group.ends[row]]

    def _find(self, row: int) -> tuple[_Group, int]:
        number = bisect.bisect_right(self._starts, row) - 1
        return self._placed[number] or self._group(number), row - self._starts[number]

    def _group(self, number: int) -> _Group:
        held = self._held.get(number)
        if held is not None:
            return held
        with reading(self._package, self._shard):
            places = plain_places(pa.BufferReader(self._content), self._chunks[number])
            if places is None:
                found = self._decompressed(number)
                self._held = {**dict(list(self._held.items())[1 - _HELD :]), number: found}
            else:
                begins, ends = (array("q", bounds) for bounds in zip(*places, strict=True))
                found = self._placed[number] = _Group(self._view, begins, ends)
            if len(found.begins) != self._starts[number + 1] - self._starts[number]:
                raise ValueError(f"row group {number} has {len(found.begins)} images")
        return found

    def _decompressed(self, number: int) -> _Group:
        with pa.memory_map(self._package.local_path(self._shard.path)) as file, open_parquet(file) as parquet:
            images = parquet.read([number], ["image"])["image"].combine_chunks().field("bytes")
            check_same(self._package, self._shard)
        if images.null_count:
            raise ValueError("an image is null")
        _, offsets, content = images.buffers()
        bounds = memoryview(offsets).cast("B").cast("i")[images.offset : images.offset + len(images) + 1]
        return _Group(memoryview(content), bounds[:-1], bounds[1:])


def holds_bytes(kind: pa.DataType) -> bool:
    """Return whether a type is, or has a field, of bytes.

    Of a package's columns only the image's is.
    """
    if pa.types.is_struct(kind):
        return any(pa.types.is_binary(field.type) for field in kind)
    return bool(pa.types.is_binary(kind))


def with_bytes(column: pa.ChunkedArray, images: Sequence[memoryview]) -> pa.ChunkedArray:
    """Return a column with these in the place of its bytes."""
    kind = column.type
    step = len(images) if len(images) <= _COPIED and sum(map(len, images)) < 1 << 31 else 1
    arrays: Iterator[pa.Array] = (_array(images[start : start + step]) for start in range(0, len(images), step))
    if pa.types.is_struct(kind):
        arrays = _structs(column.combine_chunks(), arrays)
    return pa.chunked_array(arrays, kind)


def _structs(column: pa.StructArray, images: Iterator[pa.Array]) -> Iterator[pa.Array]:
    fields = list(column.type)
    others = [None if pa.types.is_binary(field.type) else column.field(n) for n, field in enumerate(fields)]
    start = 0
    for some in images:
        size = len(some)
        parts = [some if other is None else other.slice(start, size) for other in others]
        yield pa.StructArray.from_arrays(parts, fields=fields)
        start += size


def _array(images: Sequence[memoryview]) -> pa.Array:
    """Return images as one array; one is not copied."""
    bounds = array("i", itertools.accumulate(map(len, images), initial=0))
    content = images[0] if len(images) == 1 else b"".join(images)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.binary(), len(images), buffers, null_count=0)
