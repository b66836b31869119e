"""Parts of shards, and splits cut into streams of them.

Workers and nodes divide the streams among themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cytoimagenet_reader.package import CATEGORIES, Shard

Rows = np.ndarray[Any, Any]  # int64, increasing

_STREAMS = 8  # fewest parts into which a split is cut, where it has enough rows
_STREAM_ROWS = 256  # fewest rows of such a part
_MIN_BATCHES_PER_SHARE = 8  # from so many record batches on, a category's share of a stream holds whole batches


class Part(NamedTuple):
    """A run of a shard's rows.

    It is numbers start to stop of ``rows``, or of all its rows where that is None.
    """

    shard: Shard
    start: int
    stop: int
    rows: Rows | None

    @property
    def first(self) -> int:
        """The first row of the shard that is wanted."""
        return self.start if self.rows is None else int(self.rows[self.start])

    @property
    def key(self) -> int:
        """A package-wide unique number for its first row."""
        return (CATEGORIES.index(self.shard.category) << 60) + (self.shard.number << 32) + self.start

    def wants(self, low: int, high: int) -> bool:
        """Return whether any row in [low, high) is wanted."""
        rows = np.arange(self.start, self.stop) if self.rows is None else self.rows[self.start : self.stop]
        return bool(np.searchsorted(rows, low) < np.searchsorted(rows, high))

    @property
    def whole(self) -> bool:
        """Whether every row of the shard is wanted."""
        return self.rows is None and self.start == 0 and self.stop == self.shard.rows


Stream = tuple[Part, ...]


def name_key(key: int) -> str:
    """Return in words which example a key stands for.

    The key is a ``Part.key``, plus the example's place in the part.
    """
    return f"{CATEGORIES[key >> 60]} shard {key >> 32 & 0xFFFFFFF}, example {key & 0xFFFFFFFF}"


def count_rows(streams: Sequence[Stream]) -> int:
    """Return the number of rows of some streams."""
    return sum(part.stop - part.start for stream in streams for part in stream)


def category_order(counts: Sequence[int]) -> np.ndarray[Any, Any]:
    """Return the category of each row of a stream.

    Row i of a category's n comes at (i + 1/2) / n of the way.
    """
    place = np.repeat(np.arange(len(counts)), counts)
    way = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    order: np.ndarray[Any, Any] = place[np.lexsort((place, way))]
    return order


class Run(NamedTuple):
    """The rows left of one category in a stream.

    It says how many of ``total`` came before them.
    """

    done: int
    total: int
    parts: list[Part]


def runs_after(stream: Stream, skip: int) -> list[Run]:
    """Return each category's rest after a stream's first ``skip`` rows.

    Row i of a category's n is at (i + 1/2) / n of the way; among equals, the category that comes first in the stream.
    """
    categories: dict[str, list[Part]] = {}
    for part in stream:
        categories.setdefault(part.shard.category, []).append(part)
    counts = [count_rows([tuple(parts)]) for parts in categories.values()]
    taken = _taken(counts, skip)
    return [
        Run(past, total, _parts_after(parts, past))
        for parts, past, total in zip(categories.values(), taken, counts, strict=True)
    ]


def _taken(counts: Sequence[int], skip: int) -> list[int]:
    """Return each category's count among the first ``skip`` rows."""
    if not skip:
        return [0] * len(counts)
    taken: list[int] = np.bincount(category_order(counts)[:skip], minlength=len(counts)).tolist()
    return taken


def _parts_after(parts: Sequence[Part], skip: int) -> list[Part]:
    left = []
    for part in parts:
        if skip < part.stop - part.start:
            left.append(part._replace(start=part.start + skip))
        skip = max(skip - (part.stop - part.start), 0)
    return left


def cut_streams(
    shards: Sequence[Shard], rows: Mapping[str, Rows] | None, batch_rows: int, multiple: int = 1
) -> list[Stream]:
    """Cut shards into streams of equal shares of every category.

    There are as many as the largest category has shards, a few for a small package, and a multiple of ``multiple``. A
    stream is read with its categories interleaved row by row, so that a small shuffle buffer sees all classes.

    Parameters
    ----------
    rows : by path of a shard, the numbers of its wanted rows; None for all
    batch_rows : of most record batches
    """
    by_category: dict[str, list[Part]] = {}
    for shard in shards:
        wanted = None if rows is None else rows[shard.path]
        part = Part(shard, 0, shard.rows if wanted is None else len(wanted), wanted)
        by_category.setdefault(shard.category, []).append(part)
    total = sum(part.stop for parts in by_category.values() for part in parts)
    count = max(max(map(len, by_category.values())), min(_STREAMS, total // _STREAM_ROWS))
    count = -(-count // multiple) * multiple
    cut = [_cut(parts, count, batch_rows) for parts in by_category.values()]
    streams = [tuple(part for shares in cut for part in shares[i]) for i in range(count)]
    return [stream for stream in streams if stream]


def _cut(parts: list[Part], count: int, batch_rows: int) -> list[list[Part]]:
    """Cut parts into ``count`` shares of nearly the same size.

    Their rows are taken one after the other. Large shares begin and end between two record batches, so that no batch is
    read twice; sizes of small ones differ by one at most.
    """
    total = sum(part.stop for part in parts)
    if len(parts) == count:  # whole shards, read from end to end: the fewest requests
        return [[part] for part in parts]
    step = batch_rows if total >= _MIN_BATCHES_PER_SHARE * batch_rows * count else 1
    bounds = [total * i // count for i in range(count + 1)]
    shares: list[list[Part]] = [[] for _ in range(count)]
    offset = 0
    for part in parts:
        for share, low, high in zip(shares, bounds[:-1], bounds[1:], strict=True):
            start, stop = (_nearest_cut(bound - offset, part, step) for bound in (low, high))
            if start < stop:
                share.append(part._replace(start=start, stop=stop))
        offset += part.stop
    return shares


def _nearest_cut(row: int, part: Part, step: int) -> int:
    """Return the place in a part nearest to ``row``.

    It is between two batches where all the part's rows are wanted.
    """
    if part.rows is None:
        row = (row + step // 2) // step * step
    return min(max(row, 0), part.stop)
