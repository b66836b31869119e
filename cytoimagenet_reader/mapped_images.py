"""Images of a local Parquet shard, where they lie in the file.

An array of Arrow holds values that follow one another; in a page of Parquet the length of each comes between. So many
images are given as arrays of one, and none is copied.
"""

from __future__ import annotations

import bisect
import itertools
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.parquet_checks import Parquet, open_parquet
from cytoimagenet_reader.parquet_pages import plain_places
from cytoimagenet_reader.stamps import check_same

_OFFSETS: Final = struct.Struct("=ii")
_HELD: Final = 2  # row groups of compressed images


class _Group(NamedTuple):
    """Where the images of a row group lie in ``content``."""

    content: pa.Buffer
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
        self._chunks = parquet.image_chunks()
        self._starts = [0, *itertools.accumulate(parquet.rows)]
        self._placed: list[_Group | None] = [None] * len(self._chunks)
        self._held: dict[int, _Group] = {}

    def __getitem__(self, row: int) -> bytes:
        """Return the image of a row."""
        group, row = self._find(row)
        return bytes(memoryview(group.content)[group.begins[row] : group.ends[row]])

    def arrays(self, rows: Iterable[int]) -> Iterator[pa.Array]:
        """Yield the image of each row, as an array of one."""
        for number in rows:
            group, row = self._find(number)
            begin, size = group.begins[row], group.ends[row] - group.begins[row]
            buffers = [None, pa.py_buffer(_OFFSETS.pack(0, size)), group.content.slice(begin, size)]
            yield pa.Array.from_buffers(pa.binary(), 1, buffers, null_count=0)

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
                found = self._placed[number] = _Group(self._content, begins, ends)
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
        return _Group(content, bounds[:-1], bounds[1:])
