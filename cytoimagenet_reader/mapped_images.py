"""Images of a local Parquet shard, where they lie.

In a page of Parquet the length of each value stands before it. An Arrow array has no gaps, but in one that holds the
lengths, too, every second value is an image.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.parquet_checks import Parquet, open_parquet
from cytoimagenet_reader.parquet_pages import plain_places

_HELD: Final = 2  # row groups of compressed images


class _Group(NamedTuple):
    """A row group's images.

    They are every ``step``-th value of an array.
    """

    values: pa.Array
    step: int


class Images:
    """The bytes of a mapped shard's images, by row.

    A row group is looked at when an image of it is used. Places are kept, 8 bytes an image; what is compressed, as
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

    def __getitem__(self, row: int) -> pa.Scalar:
        """Return the image of a row."""
        group, row = self._find(row)
        return group.values[row * group.step]

    def arrays(self, start: int, count: int) -> Iterator[pa.Array]:
        """Yield the images from a row on.

        Each is an array of one, where it lies.
        """
        for number in range(start, start + count):
            group, row = self._find(number)
            yield group.values.slice(row * group.step, 1)

    def _find(self, row: int) -> tuple[_Group, int]:
        number = bisect.bisect_right(self._starts, row) - 1
        return self._placed[number] or self._group(number), row - self._starts[number]

    def _group(self, number: int) -> _Group:
        held = self._held.get(number)
        if held is not None:
            return held
        with reading(self._package, self._shard):
            places = plain_places(pa.BufferReader(self._content), self._chunks[number])
            rows = self._starts[number + 1] - self._starts[number]
            if places is not None and places[-1][1] - places[0][0] < 1 << 31:
                found = self._placed[number] = _Group(self._between(places), 2)
                count = len(places)
            else:
                found = _Group(self._decompressed(number), 1)
                count = len(found.values)
                self._held = {**dict(list(self._held.items())[1 - _HELD :]), number: found}
            if count != rows:
                raise ValueError(f"row group {number} has {count} images")
        return found

    def _between(self, places: Sequence[tuple[int, int]]) -> pa.Array:
        """Return an array of images and what is between them."""
        first, last = places[0][0], places[-1][1]
        bounds = np.asarray(places, np.int64).ravel() - first
        buffers = [None, pa.py_buffer(bounds.astype(np.int32)), self._content.slice(first, last - first)]
        return pa.Array.from_buffers(pa.binary(), len(bounds) - 1, buffers, null_count=0)

    def _decompressed(self, number: int) -> pa.Array:
        with open_parquet(pa.BufferReader(self._content)) as parquet:
            images = parquet.read([number], ["image"])["image"].combine_chunks().field("bytes")
        if images.null_count:
            raise ValueError("an image is null")
        return images
