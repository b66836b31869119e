"""Files of any fsspec file system: small ones whole, large ones by ranges of bytes, each request retried."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from cytoimagenet_reader.errors import ShardError
from cytoimagenet_reader.parquet_checks import open_parquet
from cytoimagenet_reader.parquet_footer import TAIL, footer_size
from cytoimagenet_reader.retry import GaveUpError, Limits, retry

T = TypeVar("T")

LIMITS = Limits(attempts=6, first_wait=0.2, longest_wait=30.0)
_REQUEST_SECONDS = 60.0  # most for one request


def read_file(url: str, storage_options: Mapping[str, Any]) -> bytes:
    """Return the content of a small file."""
    file_system, name = fsspec.core.url_to_fs(url, **storage_options)
    data: bytes = retrying(lambda: file_system.cat_file(name), url)
    return data


def read_files(urls: Sequence[str], storage_options: Mapping[str, Any]) -> list[bytes]:
    """Return the contents of small files, asked for at the same time: one round trip for all."""
    with ThreadPoolExecutor(len(urls), "small files") as threads:
        return list(threads.map(lambda url: read_file(url, storage_options), urls))


def forget_listings(url: str, storage_options: Mapping[str, Any]) -> None:
    """Have a file system look anew at what is there.

    fsspec keeps sizes of files, also of one that was replaced.
    """
    file_system, _ = fsspec.core.url_to_fs(url, **storage_options)
    file_system.invalidate_cache()


def read_columns(url: str, storage_options: Mapping[str, Any], columns: list[str]) -> pa.Table:
    """Return some columns of a Parquet file of a package, checked.

    Raises
    ------
    ShardError
        Where it cannot be read.
    """
    file_system, name = fsspec.core.url_to_fs(url, **storage_options)

    def attempt() -> pa.Table:
        if isinstance(file_system, LocalFileSystem):
            with pa.memory_map(name) as source, open_parquet(source) as file:
                return file.read(range(len(file.rows)), columns)
        ranges = RangeFile(url, storage_options, file_system.size(name))
        with ranges, ranges.parquet_source() as source, open_parquet(source, pre_buffer=False) as file:
            ranges.hold(file.byte_ranges(range(len(file.rows)), columns))
            return file.read(range(len(file.rows)), columns)

    return retrying(attempt, url)


class RangeFile(io.RawIOBase):
    """A remote file of known size as a file object: each read is one request, but for what was fetched before."""

    def __init__(self, url: str, storage_options: Mapping[str, Any], size: int) -> None:
        self._ranges = Ranges(url, storage_options)
        self._size = size
        self._position = 0
        self._held: list[tuple[int, int, bytes]] = []

    def hold(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Fetch these ranges of bytes, (begin, end), a request each, in place of those that were held before."""
        within = [(min(begin, self._size), min(end, self._size)) for begin, end in ranges]
        self._held = []  # first: not both at a time
        self._held = [(begin, end, self._ranges.read(begin, end)) for begin, end in within if begin < end]

    def parquet_source(self) -> pa.NativeFile:
        """Return it as a file of pyarrow's, its footer held: in one request, or two where it is large.

        Raises
        ------
        ValueError
            Where it has none.
        """
        self.hold([(max(self._size - TAIL, 0), self._size)])
        source = pa.PythonFile(self, "r")
        if (size := footer_size(source)) > TAIL:
            self.hold([(self._size - size, self._size)])
        return source

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, fewer at the end; all that follow for -1."""
        start = self._position
        end = self._size if size < 0 else min(start + size, self._size)
        data = self._bytes(start, end) if start < end else b""
        self._position += len(data)
        return data

    def _bytes(self, start: int, end: int) -> bytes:
        for begin, stop, held in self._held:
            if begin <= start and end <= stop:
                return held[start - begin : end - begin]
        return self._ranges.read(start, end)


class Ranges:
    """Ranges of bytes of a remote file; several threads may read at once."""

    def __init__(self, url: str, storage_options: Mapping[str, Any]) -> None:
        self._url = url
        self._file_system, self._name = fsspec.core.url_to_fs(url, **storage_options)

    def read(self, start: int, end: int, stopped: threading.Event | None = None) -> bytes:
        """Return bytes ``start`` to before ``end``, all of them.

        Raises
        ------
        ShardError
            Where that still fails after several attempts, or the server ignores ranges.
        """

        def attempt() -> bytes:
            data = self._request(start, end)
            if len(data) > end - start:
                raise ValueError("the server ignores byte ranges; use one that knows them, or copy the package first")
            if len(data) < end - start:
                raise EOFError(f"bytes {start} to {end}: only {len(data)} came")
            return data

        return retrying(attempt, self._url, stopped)

    def _request(self, start: int, end: int) -> bytes:
        file_system, name = self._file_system, self._name
        if isinstance(file_system, fsspec.asyn.AsyncFileSystem):
            data: bytes = fsspec.asyn.sync(
                file_system.loop, file_system._cat_file, name, start=start, end=end, timeout=_REQUEST_SECONDS
            )
            return data
        with file_system.open(name, "rb", cache_type="none") as file:  # any other cache fetches more than is asked for
            file.seek(start)
            data = file.read(end - start)
        return data


def retrying(call: Callable[[], T], url: str, stopped: threading.Event | None = None) -> T:
    """Return ``call()``, retried within ``LIMITS``.

    Raises
    ------
    ShardError
        Where it fails in the end, with the URL and the number of attempts. FileNotFoundError and PermissionError come
        through as they are.
    """
    try:
        return retry(call, LIMITS, stopped=stopped)
    except GaveUpError as error:
        raise ShardError(f"{url}: {error}") from error.last
    except (FileNotFoundError, PermissionError, ShardError):
        raise
    except Exception as error:
        raise ShardError(f"{url}: {type(error).__name__}: {error}") from error
