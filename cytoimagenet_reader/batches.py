"""Record batches of a shard's wanted rows.

The shard may be local or remote, and in either format.
"""

from __future__ import annotations

import bisect
import builtins
import contextlib
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cytoimagenet_reader.arrow_checks import check_schema, read_batch, stream_batches
from cytoimagenet_reader.columns import same_columns
from cytoimagenet_reader.file_signatures import check_same
from cytoimagenet_reader.maps import announce
from cytoimagenet_reader.need import first_rows, wanted_numbers
from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.parquet_checks import Parquet, open_parquet
from cytoimagenet_reader.prefetched import Prefetched
from cytoimagenet_reader.remote.forward import ReadAhead
from cytoimagenet_reader.remote.ranges import RangeFile
from cytoimagenet_reader.streams import Part
from cytoimagenet_reader.threads import threads_of_generator

_FIRST_BYTES = 1 << 14  # in which a shard's schema lies

Batches = Iterator[tuple[int, pa.RecordBatch]]  # (number of the first row, batch)


def shard_schema(package: Package, shard: Shard) -> pa.Schema:
    """Return and cache the schema of a package's shards.

    It is the same for all, and read from the first bytes of this one.
    """
    if package.schema is None:
        package.schema = read_schema(package, shard)
    return package.schema


def read_schema(package: Package, shard: Shard) -> pa.Schema:
    """Return a data file's schema from its first bytes."""
    with reading(package, shard):
        return check_schema(_read_schema(package, shard))


def _read_schema(package: Package, shard: Shard) -> pa.Schema:
    if shard.path.endswith(".parquet"):
        with _parquet_file(package, shard) as parquet:
            return parquet.file.schema
    if package.local:
        with pa.memory_map(package.local_path(shard.path)) as file:
            return pa.ipc.open_stream(file).schema
    with _remote_file(package, shard, limit=_FIRST_BYTES) as source:
        return pa.ipc.open_stream(source).schema


def wanted_batches(
    package: Package,
    part: Part,
    copy: str | None,
    columns: Sequence[str],
    prefetched: Prefetched | None = None,
    in_place: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted rows of a part.

    Batches without any are not read, where that saves time.

    Parameters
    ----------
    copy : where a local copy of the shard is, if there is one
    columns : that are needed, the others being left out
    prefetched : what fetches the record batches of a remote shard
    in_place : whether the images' bytes may be a ``binary_view``, as those of Parquet then are
    """
    shard = part.shard
    in_place = in_place and part.rows is None  # pyarrow cannot take rows of views
    with reading(package, shard):
        found = _batches(package, part, copy, columns, prefetched, in_place)
        for offset, batch in _unchanged(package, shard, copy, found):
            if part.rows is None:
                low, high = max(part.start - offset, 0), min(part.stop - offset, len(batch))
                if low < high:
                    yield batch if high - low == len(batch) else batch.slice(low, high - low)
                continue
            here = part.rows[part.start : part.stop]
            here = here[np.searchsorted(here, offset) : np.searchsorted(here, offset + len(batch))]
            if len(here):
                yield batch.take(pa.array(here - offset))


def _unchanged(package: Package, shard: Shard, copy: str | None, batches: Batches) -> Batches:
    """Yield batches, checking that the shard is unchanged.

    This is checked before the first batch is yielded and after the last.
    """
    first = next(batches, None)
    if copy is None:
        check_same(package, shard)
    if first is not None:
        yield first
        yield from batches
        if copy is None:
            check_same(package, shard)


def _batches(
    package: Package,
    part: Part,
    copy: str | None,
    columns: Sequence[str],
    prefetched: Prefetched | None,
    in_place: bool,
) -> Batches:
    """Yield the batches that span the wanted rows."""
    shard = part.shard
    stop = part.stop if part.rows is None else int(part.rows[part.stop - 1]) + 1
    path = copy or (package.local_path(shard.path) if package.local else None)
    path = path and path.removeprefix("file://")
    if shard.path.endswith(".parquet"):
        if path is None and prefetched is not None:
            return _prefetched_groups(part, prefetched, columns, in_place)
        return _parquet_batches(package, part, path, stop, columns, in_place)
    if path is not None:
        return _mapped_batches(package, path, part, stop, columns)
    if prefetched is not None:
        return _prefetched_batches(package, part, prefetched, columns)
    return _remote_batches(package, part, stop, columns)


def _mapped_batches(package: Package, path: str, part: Part, stop: int, columns: Sequence[str]) -> Batches:
    """Yield the batches of a local Arrow stream, memory-mapped.

    Those before the first that is wanted are skipped, where the manifest says where that one begins.
    """
    shard, starts = part.shard, first_rows(part.shard)
    first = bisect.bisect_right(starts, part.first) - 1 if shard.batch_offsets else 0
    with pa.BufferReader(package.maps.content(path)) as file, builtins.open(path, "rb") as same:
        _, batches = stream_batches(file, columns)
        if first:
            file.seek(shard.batch_offsets[first])
        begin = file.tell()
        for number, (offset, batch) in enumerate(_numbered(batches, stop, starts[first]), first):
            if shard.batch_rows:
                _check_rows(batch, shard, number)
            if offset + len(batch) > part.first:
                announce(same.fileno(), begin, file.tell())
                yield offset, batch
            begin = file.tell()


def _prefetched_batches(package: Package, part: Part, prefetched: Prefetched, columns: Sequence[str]) -> Batches:
    """Yield the prefetched batches that hold the part's rows."""
    shard, rows = part.shard, first_rows(part.shard)
    schema: pa.Schema | None = None
    for number in wanted_numbers(part):
        header, message = prefetched.batch(shard, number)
        if header is not None:
            schema = same_columns(check_schema(pa.ipc.read_schema(header)), package.schema)
        elif schema is None:
            schema = shard_schema(package, shard)
        batch = read_batch(message, schema, columns)
        _check_rows(batch, shard, number)
        yield rows[number], batch


def _prefetched_groups(part: Part, prefetched: Prefetched, columns: Sequence[str], in_place: bool) -> Batches:
    """Yield the wanted row groups of a remote Parquet shard."""
    shard, rows = part.shard, first_rows(part.shard)
    for number in wanted_numbers(part):
        table = prefetched.group(shard, number, columns, in_place)
        _check_rows(table, shard, number)
        start = rows[number]
        for batch in table.combine_chunks().to_batches():
            yield start, batch
            start += len(batch)


def _check_rows(batch: pa.RecordBatch | pa.Table, shard: Shard, number: int) -> None:
    stated = shard.batch_rows[number]
    if len(batch) != stated:
        raise ValueError(f"a record batch of {len(batch)} rows, and {stated} in the manifest")


def _remote_batches(package: Package, part: Part, stop: int, columns: Sequence[str]) -> Batches:
    """Yield the batches of a remote Arrow stream, sequentially.

    The manifest of an old package does not say where they begin.
    """
    shard = part.shard
    with _remote_file(package, shard, limit=shard.bytes * stop // shard.rows) as file:
        yield from _numbered(stream_batches(file, columns)[1], stop)
        if part.whole and file.digest() != shard.sha256:
            raise package.fault(shard, "its sha256 is not the manifest's")


def _numbered(batches: Iterable[pa.RecordBatch], stop: int, offset: int = 0) -> Batches:
    """Yield (first row, batch) for batches beginning before ``stop``."""
    for batch in batches:
        yield offset, batch
        offset += len(batch)
        if offset >= stop:
            return


def _remote_file(package: Package, shard: Shard, limit: int) -> ReadAhead:
    check = package.check_of(shard)
    return ReadAhead(package.url(shard.path), package.storage_options, shard.bytes, limit=limit, check=check)


def _parquet_batches(
    package: Package, part: Part, path: str | None, stop: int, columns: Sequence[str], in_place: bool
) -> Batches:
    """Yield a Parquet shard's needed batches, reading ahead.

    They are those of the row groups that hold wanted rows.
    """
    ahead: deque[tuple[int, Future[pa.Table]]] = deque()
    opened = contextlib.ExitStack()

    def close() -> None:
        """Close the shard once no row group is being read."""
        reading = next((future for _, future in ahead if not future.cancel() and not future.done()), None)
        if reading is None:
            opened.close()
        else:
            reading.add_done_callback(lambda _: opened.close())

    with threads_of_generator(1, "row group") as thread, contextlib.ExitStack() as stack:
        shard = opened.enter_context(_parquet_file(package, part.shard, path))
        stack.callback(close)
        starts = [0, *itertools.accumulate(shard.file.rows)]
        wanted = deque(
            (start, group)
            for group, start in enumerate(starts[:-1])
            if start < stop and starts[group + 1] > part.first and part.wants(start, starts[group + 1])
        )
        while wanted or ahead:
            while wanted and len(ahead) < 2:
                start, group = wanted.popleft()
                ahead.append((start, thread.submit(shard.read, group, columns, in_place)))
            table = ahead[0][1].result()
            start, _ = ahead.popleft()
            for batch in table.combine_chunks().to_batches():
                yield start, batch
                start += len(batch)


class _ParquetShard(NamedTuple):
    """An open Parquet shard; ``ranges`` where it is remote."""

    file: Parquet
    ranges: RangeFile | None = None

    def read(self, group: int, columns: Sequence[str], in_place: bool) -> pa.Table:
        """Return checked columns of a row group.

        Those of a remote shard are fetched at once.
        """
        if self.ranges is not None:
            self.ranges.hold(self.file.byte_ranges([group], columns))
        return self.file.read([group], columns, in_place)


@contextlib.contextmanager
def _parquet_file(package: Package, shard: Shard, path: str | None = None) -> Iterator[_ParquetShard]:
    """Open a Parquet shard of the package or a copy."""
    path = path or (package.local_path(shard.path) if package.local else None)
    if path is not None:
        with pa.BufferReader(package.maps.content(path)) as source, open_parquet(source) as file:
            yield _ParquetShard(file)
        return
    ranges = RangeFile(package.url(shard.path), package.storage_options, shard.bytes, package.check_of(shard))
    with ranges, ranges.parquet_source() as source, open_parquet(source) as file:
        yield _ParquetShard(file, ranges)
