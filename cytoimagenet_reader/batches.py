"""Record batches of the rows that are wanted of a shard, wherever it is and in either format."""

from __future__ import annotations

import builtins
import contextlib
import functools
import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cytoimagenet_reader.arrow_checks import check_schema, checked, stream_batches
from cytoimagenet_reader.arrow_stream import ArrowStream
from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.remote import RangeFile
from cytoimagenet_reader.streams import Part

_SPARSE = 0.02  # share of rows wanted, below which most batches have none and are skipped

Batches = Iterator[tuple[int, pa.RecordBatch]]  # (number of the first row, batch)


def shard_schema(package: Package, shard: Shard) -> pa.Schema:
    """Return the schema of a shard, from its first bytes."""
    with reading(package, shard):
        if shard.path.endswith(".parquet"):
            with _parquet_file(package, shard) as table:
                return check_schema(table.schema_arrow)
        if package.local:
            with pa.memory_map(package.local_path(shard.path)) as file:
                return check_schema(pa.ipc.open_stream(file).schema)
        with _remote_stream(package, shard, ahead=False, limit=0) as source:
            return check_schema(pa.ipc.read_schema(source.message()))


def wanted_batches(package: Package, part: Part, copy: str | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the wanted rows of a part; batches without any are not read, where that saves time.

    Parameters
    ----------
    copy : where a local copy of the shard is, if there is one
    columns : that are needed; others may be there
    """
    shard = part.shard
    with reading(package, shard):
        for offset, batch in _batches(package, part, copy, columns):
            if part.rows is None:
                low, high = max(part.start - offset, 0), min(part.stop - offset, len(batch))
                if low < high:
                    yield batch if high - low == len(batch) else batch.slice(low, high - low)
                continue
            here = part.rows[part.start : part.stop]
            here = here[np.searchsorted(here, offset) : np.searchsorted(here, offset + len(batch))]
            if len(here):
                yield batch.take(pa.array(here - offset))


def _batches(package: Package, part: Part, copy: str | None, columns: Sequence[str]) -> Batches:
    """Yield the batches from the one that holds the first wanted row to the one that holds the last."""
    shard = part.shard
    stop = part.stop if part.rows is None else int(part.rows[part.stop - 1]) + 1
    path = copy or (package.local_path(shard.path) if package.local else None)
    path = path and path.removeprefix("file://")
    if shard.path.endswith(".parquet"):
        return _parquet_batches(package, part, path, stop, columns)
    if path is not None:
        return _mapped_batches(path, part.first, stop)
    return _remote_batches(package, part, stop)


def _mapped_batches(path: str, first: int, stop: int) -> Batches:
    """Yield the batches of a local Arrow stream, memory-mapped."""
    offset = 0
    with pa.memory_map(path) as file, builtins.open(path, "rb") as same:
        _, reader = stream_batches(file)
        begin = file.tell()
        for batch in reader:
            if offset >= stop:
                return
            if offset + len(batch) > first:
                _announce(same.fileno(), begin, file.tell())
                yield offset, batch
            offset, begin = offset + len(batch), file.tell()


def _announce(descriptor: int, begin: int, end: int) -> None:
    """Tell the system that these bytes of a mapped file will be used: it reads them in one read, not page by page."""
    if hasattr(os, "posix_fadvise"):  # Linux
        os.posix_fadvise(descriptor, begin, end - begin, os.POSIX_FADV_WILLNEED)


def _remote_batches(package: Package, part: Part, stop: int) -> Batches:
    """Yield the batches of a remote Arrow stream."""
    shard, first = part.shard, part.first
    known = _known(shard.sha256)
    with _remote_stream(package, shard, ahead=not first, limit=shard.bytes * stop // shard.rows) as source:
        schema = known.schema = known.schema or check_schema(pa.ipc.read_schema(source.message()))
        offset = 0
        if first:
            offset = max((row for row in list(known.positions) if row <= first), default=0)
            source.seek(known.positions.get(offset, source.position))
        sparse = part.rows is not None and part.stop - part.start < _SPARSE * (stop - first)
        while offset < stop:
            known.positions[offset] = source.position
            rows = source.rows()
            if offset + rows <= first or (sparse and not part.wants(offset, offset + rows)):
                source.skip()
            else:
                source.ahead = not sparse
                [batch] = checked([pa.ipc.read_record_batch(source.message(), schema)])
                yield offset, batch
            offset += rows
        if part.whole and source.digest() != shard.sha256:
            raise package.fault(shard, "its sha256 is not the manifest's")


class _Known:
    """What was learnt of a remote Arrow stream: its schema, and the bytes where record batches begin, by first row."""

    def __init__(self) -> None:
        self.schema: pa.Schema | None = None
        self.positions: dict[int, int] = {}


@functools.lru_cache(4096)
def _known(sha256: str) -> _Known:
    """Return what is known of the shard with this hash: streams that begin inside it need not read up to there."""
    return _Known()


def _remote_stream(package: Package, shard: Shard, ahead: bool, limit: int) -> ArrowStream:
    return ArrowStream(package.url(shard.path), package.storage_options, shard.bytes, ahead=ahead, limit=limit)


def _parquet_batches(package: Package, part: Part, path: str | None, stop: int, columns: Sequence[str]) -> Batches:
    """Yield the batches of the row groups of a Parquet shard that hold wanted rows, the next group read ahead."""
    with _parquet_file(package, part.shard, path) as file, ThreadPoolExecutor(1, "row group") as thread:
        check_schema(file.schema_arrow)
        counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        starts = [0, *itertools.accumulate(counts)]
        groups = deque(
            (start, group)
            for group, start in enumerate(starts[:-1])
            if start < stop and starts[group + 1] > part.first and part.wants(start, starts[group + 1])
        )
        ahead: deque[tuple[int, Future[pa.Table]]] = deque()
        while groups or ahead:
            while groups and len(ahead) < 2:
                start, group = groups.popleft()
                ahead.append((start, thread.submit(file.read_row_group, group, columns=list(columns))))
            start, future = ahead.popleft()
            for batch in checked(future.result().combine_chunks().to_batches()):
                yield start, batch
                start += len(batch)


@contextlib.contextmanager
def _parquet_file(package: Package, shard: Shard, path: str | None = None) -> Iterator[pq.ParquetFile]:
    """Open a Parquet shard, in the package or a local copy of it."""
    path = path or (package.local_path(shard.path) if package.local else None)
    if path is not None:
        with pq.ParquetFile(path, memory_map=True) as file:
            yield file
        return
    source = RangeFile(package.url(shard.path), package.storage_options, shard.bytes)
    with source, pq.ParquetFile(source, pre_buffer=True) as file:
        yield file
