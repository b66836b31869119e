"""Record batches and row groups of remote shards, fetched ahead."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from cytoimagenet_reader.columns import same_columns
from cytoimagenet_reader.need import FOOTER, bounds, needs_of, read_whole, runs_of
from cytoimagenet_reader.package import Package, Shard
from cytoimagenet_reader.parquet_checks import Parquet, open_parquet
from cytoimagenet_reader.remote.prefetch import Prefetch
from cytoimagenet_reader.remote.ranges import RangeFile, Ranges
from cytoimagenet_reader.streams import Stream

Bytes = np.ndarray[Any, Any]  # uint8


class _OpenShard(NamedTuple):
    """A Parquet shard whose footer was read."""

    path: str
    parquet: Parquet
    file: RangeFile
    footer: tuple[int, Bytes]
    closing: contextlib.ExitStack


class Prefetched:
    """Batches or row groups, fetched in order of need.

    A shard that is read from end to end, by one stream or several, is compared with the manifest's sha256. Memory:
    that of ``Prefetch``, and of Parquet the footer of a shard of each category, some 0.1 % of the shard.

    Parameters
    ----------
    streams : that will be read one after the other
    skip : rows that are left out at the start
    """

    def __init__(self, package: Package, streams: Sequence[Stream], skip: int) -> None:
        self._package = package
        self._hashes: dict[str, tuple[int, Any]] = {}  # by path, how many bytes are hashed, and their hash
        self._hashing = ThreadPoolExecutor(1, "sha256")  # beside the reader: it takes as long as making rows
        self._last: Future[None] | None = None
        self._open: dict[str, _OpenShard] = {}  # by category
        runs = list(runs_of(streams, skip))
        self._shards = {part.shard.path: part.shard for stream in runs for run in stream for part in run.parts}
        self._whole = read_whole(runs)
        self._fetch = Prefetch(needs_of(runs, self._whole), self._ranges)

    def close(self) -> None:
        """Cancel what is under way."""
        self._fetch.close()
        self._hashing.shutdown(wait=False, cancel_futures=True)
        for shard in self._open.values():
            shard.closing.close()
        self._open.clear()

    def batch(self, shard: Shard, number: int) -> tuple[pa.Buffer | None, pa.Buffer]:
        """Return a record batch's message, and the schema's before it.

        The schema's comes before the first batch of a shard that is read from end to end, else None.

        Raises
        ------
        ShardError
            Where it cannot be fetched, or the shard has another sha256 than the manifest's.
        """
        low, content = self._take(shard, number)
        start = shard.batch_offsets[number] - low
        return pa.py_buffer(content[:start]) if start else None, pa.py_buffer(content[start:])

    def group(self, shard: Shard, number: int, columns: Sequence[str], in_place: bool = False) -> pa.Table:
        """Return some columns of a row group, checked.

        Parameters
        ----------
        in_place : as ``Parquet.read`` takes it

        Raises
        ------
        ShardError
            As ``batch``.
        ValueError, OSError
            Where the shard's footer or the row group is malformed.
        """
        opened = self._opened(shard)
        low, content = self._take(shard, number)
        opened.file.keep(_piece(opened.footer), (low, content.data))
        table = opened.parquet.read([number], columns, in_place)
        opened.file.keep(_piece(opened.footer))
        return table

    def _opened(self, shard: Shard) -> _OpenShard:
        """Return a Parquet shard, opened unless it is open."""
        opened = self._open.get(shard.category)
        if opened is None or opened.path != shard.path:
            if opened is not None:
                opened.closing.close()
            self._open.pop(shard.category, None)
            begin, data = self._fetch.take(shard.path, FOOTER)
            footer = begin, data[shard.footer_offset - begin :]
            place, options = self._package.url(shard.path), self._package.storage_options
            file = RangeFile(place, options, shard.bytes, self._package.check_of(shard))
            with contextlib.ExitStack() as closing:
                source = closing.enter_context(pa.PythonFile(closing.enter_context(file), "r"))
                parquet = closing.enter_context(open_parquet(source, footer[1].data))
                same_columns(parquet.schema, self._package.schema)
                opened = _OpenShard(shard.path, parquet, file, footer, closing.pop_all())
            self._open[shard.category] = opened
        return opened

    def _take(self, shard: Shard, number: int) -> tuple[int, Bytes]:
        """Return a shard's bytes, hashed if whole, and their begin."""
        low, high = bounds(shard, number, self._whole)
        begin, data = self._fetch.take(shard.path, number)
        content = data[low - begin : high - begin]
        if shard.path in self._whole:
            self._hash(shard, low, content)
            if high == shard.footer_offset:
                self._hash(shard, high, self._open[shard.category].footer[1])
        return low, content

    def _ranges(self, path: str) -> Ranges:
        check = self._package.check_of(self._shards[path])
        return Ranges(self._package.url(path), self._package.storage_options, check)

    def _hash(self, shard: Shard, low: int, content: Bytes) -> None:
        done, found = self._hashes.setdefault(shard.path, (0, hashlib.sha256()))
        if low != done:  # of two streams: hashed before
            return
        if self._last is not None:
            self._last.result()  # one batch at most waits to be hashed
        self._last = self._hashing.submit(found.update, content)
        self._hashes[shard.path] = low + len(content), found
        if low + len(content) == shard.bytes:
            self._last.result()
            if found.hexdigest() != shard.sha256:
                raise self._package.fault(shard, "its sha256 is not the manifest's")


def _piece(footer: tuple[int, Bytes]) -> tuple[int, memoryview]:
    return footer[0], footer[1].data


@contextlib.contextmanager
def prefetched(
    package: Package, streams: Sequence[Stream], columns: Sequence[str], skip: int = 0
) -> Iterator[Prefetched | None]:
    """Fetch batches of streams ahead, from row ``skip`` on.

    None where they are not fetched ahead: for a local package, for Parquet where the images, nearly all of its bytes,
    are not among ``columns``, and for packages made before manifests said where record batches are.
    """
    shards = [part.shard for stream in streams for part in stream]
    if package.local or not all(_is_mapped_out(shard, columns) for shard in shards):
        yield None
        return
    with contextlib.closing(Prefetched(package, streams, skip)) as found:
        yield found


def _is_mapped_out(shard: Shard, columns: Sequence[str]) -> bool:
    """Return whether the manifest says where wanted rows lie."""
    if shard.path.endswith(".parquet"):
        return "image" in columns and bool(shard.footer_offset)
    return bool(shard.batch_offsets)
