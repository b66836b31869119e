"""The order in which batches or row groups are needed."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from cytoimagenet_reader.package import Shard
from cytoimagenet_reader.remote.prefetch import FIRST_KEY, Need
from cytoimagenet_reader.streams import Part, Run, Stream, count_rows, runs_after

FOOTER: Final = FIRST_KEY - 1
"""The key of a Parquet shard's footer, without which none of its row groups can be read."""


def wanted_numbers(part: Part) -> Iterator[int]:
    """Yield the batch numbers where a part has rows."""
    rows = first_rows(part.shard)
    stop = part.stop if part.rows is None else int(part.rows[part.stop - 1]) + 1
    for number in range(bisect.bisect_right(rows, part.first) - 1, bisect.bisect_left(rows, stop)):
        if part.rows is None or part.wants(rows[number], rows[number + 1]):
            yield number


def first_rows(shard: Shard) -> list[int]:
    """Return the first row of each batch or row group.

    The last number is that of the shard's rows.
    """
    return [0, *itertools.accumulate(shard.batch_rows)]


def runs_of(streams: Sequence[Stream], skip: int) -> Iterator[list[Run]]:
    """Yield each stream's runs of categories, from row ``skip`` on."""
    for stream in streams:
        count = count_rows([stream])
        if skip < count:
            yield runs_after(stream, skip)
        skip = max(skip - count, 0)


def read_whole(runs: Sequence[Sequence[Run]]) -> set[str]:
    """Return the paths of shards read completely in order."""
    reached: dict[str, int] = {}
    rows: dict[str, int] = {}
    for stream in runs:
        for run in stream:
            for part in run.parts:
                path = part.shard.path
                rows[path] = part.shard.rows
                follows = part.rows is None and part.start == reached.get(path, 0)
                reached[path] = part.stop if follows else part.shard.rows + 1
    return {path for path, count in rows.items() if reached[path] == count}


def needs_of(runs: Sequence[Sequence[Run]], whole: set[str]) -> Iterator[Need]:
    """Yield what the runs of streams need, in order.

    The footer of a Parquet shard comes before its first row group, and again where the category's reader comes back to
    it from another shard.
    """
    footers: dict[str, str] = {}  # by category, of which shard
    for stream in runs:
        for *_, shard, need in sorted(_timed(stream, whole)):
            if shard.footer_offset and footers.get(shard.category) != need.path:
                footers[shard.category] = need.path
                yield Need(need.path, FOOTER, shard.footer_offset, shard.bytes, shard.category)
            yield need


def _timed(stream: Sequence[Run], whole: set[str]) -> Iterator[tuple[float, int, int, Shard, Need]]:
    """Yield (how far, category, number of batch, shard, batch).

    A category's batch is asked for as soon as the row before it is given, see ``rows.interleaved``.
    """
    for place, run in enumerate(stream):
        done, order = run.done, itertools.count()
        for part in run.parts:
            shard = part.shard
            rows = first_rows(shard)
            for number in wanted_numbers(part):
                low, high = bounds(shard, number, whole)
                row = done + _rows_before(part, rows[number])
                way = (row - 0.5) / run.total if row > run.done else -1.0
                yield way, place, next(order), shard, Need(shard.path, number, low, high, shard.category)
            done += part.stop - part.start


def _rows_before(part: Part, row: int) -> int:
    """Return how many of a part's rows precede ``row``.

    ``row`` counts in the shard.
    """
    if part.rows is None:
        return max(row - part.start, 0)
    return int(np.searchsorted(part.rows[part.start : part.stop], row))


def bounds(shard: Shard, number: int, whole: set[str]) -> tuple[int, int]:
    """Return the byte range of a batch or row group.

    For a whole shard, that of the first includes all that lies before it.
    """
    low = 0 if number == 0 and shard.path in whole else shard.batch_offsets[number]
    if number + 1 < len(shard.batch_offsets):
        return low, shard.batch_offsets[number + 1]
    return low, shard.footer_offset or shard.bytes
