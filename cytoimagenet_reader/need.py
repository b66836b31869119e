"""Prefetching of record batches in the order of need."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from cytoimagenet_reader.package import Package, Shard
from cytoimagenet_reader.remote.prefetch import Need, Prefetch
from cytoimagenet_reader.remote.ranges import Ranges
from cytoimagenet_reader.streams import Part, Run, Stream, count_rows, runs_after


class Prefetched:
    """Prefetched record batches of remote Arrow shards.

    They are fetched in the order in which the rows of streams need them. A shard that is read from end to end, by one
    stream or several, is compared with the manifest's sha256.

    Parameters
    ----------
    skip : rows that are left out at the start
    """

    def __init__(self, package: Package, streams: Sequence[Stream], skip: int) -> None:
        self._package = package
        self._hashes: dict[str, tuple[int, Any]] = {}  # by path, how many bytes are hashed, and their hash
        self._hashing = ThreadPoolExecutor(1, "sha256")  # beside the reader: it takes as long as making rows
        self._last: Future[None] | None = None
        runs = list(_runs(streams, skip))
        self._whole = _read_whole(runs)
        self._fetch = Prefetch(_needs(runs, self._whole), self._ranges)

    def close(self) -> None:
        """Give up what is under way."""
        self._fetch.close()
        self._hashing.shutdown(wait=False, cancel_futures=True)

    def batch(self, shard: Shard, number: int) -> tuple[pa.Buffer | None, pa.Buffer]:
        """Return the schema's message or None, and a batch's message.

        The schema's is given only with the first batch of a whole shard.

        Raises
        ------
        ShardError
            Where it cannot be fetched, or the shard has another sha256 than the manifest's.
        """
        low, high = _bounds(shard, number, self._whole)
        begin, data = self._fetch.take(shard.path, number)
        content = data[low - begin : high - begin]
        if shard.path in self._whole:
            self._hash(shard, low, high, content)
        start = shard.batch_offsets[number] - low
        return pa.py_buffer(content[:start]) if start else None, pa.py_buffer(content[start:])

    def _ranges(self, path: str) -> Ranges:
        return Ranges(self._package.url(path), self._package.storage_options)

    def _hash(self, shard: Shard, low: int, high: int, content: np.ndarray[Any, Any]) -> None:
        done, found = self._hashes.setdefault(shard.path, (0, hashlib.sha256()))
        if low != done:  # of two streams: hashed before
            return
        if self._last is not None:
            self._last.result()  # one batch at most waits to be hashed
        self._last = self._hashing.submit(found.update, content)
        self._hashes[shard.path] = high, found
        if high == shard.bytes:
            self._last.result()
            if found.hexdigest() != shard.sha256:
                raise self._package.fault(shard, "its sha256 is not the manifest's")


@contextlib.contextmanager
def prefetched(package: Package, streams: Sequence[Stream], skip: int = 0) -> Iterator[Prefetched | None]:
    """Prefetch the record batches of consecutive streams.

    They are needed from row ``skip`` on. None where they are not fetched ahead: of a local package, of Parquet, and of
    packages made before manifests said where record batches are.
    """
    if package.local or not all(part.shard.batch_offsets for stream in streams for part in stream):
        yield None
        return
    with contextlib.closing(Prefetched(package, streams, skip)) as found:
        yield found


def wanted_numbers(part: Part) -> Iterator[int]:
    """Yield the batch numbers where a part has rows."""
    rows = first_rows(part.shard)
    stop = part.stop if part.rows is None else int(part.rows[part.stop - 1]) + 1
    for number in range(bisect.bisect_right(rows, part.first) - 1, bisect.bisect_left(rows, stop)):
        if part.rows is None or part.wants(rows[number], rows[number + 1]):
            yield number


def first_rows(shard: Shard) -> list[int]:
    """Return the first row of each record batch.

    The last number is that of the shard's rows.
    """
    return [0, *itertools.accumulate(shard.batch_rows)]


def _runs(streams: Sequence[Stream], skip: int) -> Iterator[list[Run]]:
    for stream in streams:
        count = count_rows([stream])
        if skip < count:
            yield runs_after(stream, skip)
        skip = max(skip - count, 0)


def _read_whole(runs: Sequence[Sequence[Run]]) -> set[str]:
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


def _needs(runs: Sequence[Sequence[Run]], whole: set[str]) -> Iterator[Need]:
    for stream in runs:
        yield from (need for *_, need in sorted(_timed(stream, whole)))


def _timed(stream: Sequence[Run], whole: set[str]) -> Iterator[tuple[float, int, int, Need]]:
    """Yield (how far, which category, which of its batches, batch).

    A category's batch is asked for as soon as the row before it is given, see ``rows.interleaved``.
    """
    for place, run in enumerate(stream):
        done, order = run.done, itertools.count()
        for part in run.parts:
            rows = first_rows(part.shard)
            for number in wanted_numbers(part):
                low, high = _bounds(part.shard, number, whole)
                row = done + _rows_before(part, rows[number])
                way = (row - 0.5) / run.total if row > run.done else -1.0
                yield way, place, next(order), Need(part.shard.path, number, low, high)
            done += part.stop - part.start


def _rows_before(part: Part, row: int) -> int:
    """Return how many of a part's rows precede ``row``.

    ``row`` counts in the shard.
    """
    if part.rows is None:
        return max(row - part.start, 0)
    return int(np.searchsorted(part.rows[part.start : part.stop], row))


def _bounds(shard: Shard, number: int, whole: set[str]) -> tuple[int, int]:
    """Return the byte range of a record batch.

    For a whole shard, that of the first includes the schema.
    """
    offsets = (*shard.batch_offsets, shard.bytes)
    return 0 if number == 0 and shard.path in whole else offsets[number], offsets[number + 1]
