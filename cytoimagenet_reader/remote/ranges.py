"""Byte ranges of remote files, each request retried.

Any file system that fsspec knows will do.
"""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

import fsspec
import pyarrow as pa

from cytoimagenet_reader.parquet_footer import TAIL, footer_size
from cytoimagenet_reader.remote.http import answer_of
from cytoimagenet_reader.remote.places import Location
from cytoimagenet_reader.remote.retrying import retrying
from cytoimagenet_reader.remote.s3 import is_s3, read_range
from cytoimagenet_reader.remote.versions import Check, Version, of_answer, of_file

_REQUEST_SECONDS: Final = 60.0  # most for one request of fsspec
_PIECE: Final = 1 << 18  # bytes received at once; between two, it is asked whether they are still wanted


def _unwatched(bytes_received: int, seconds: float) -> None:
    """Take note of nothing."""


class Ranges:
    """Thread-safe reads of byte ranges of a remote file.

    Over HTTP, and so from the hub, they are received here, in place; other file systems are fsspec's.

    Parameters
    ----------
    check : called with the version of the file that each piece is of, before the piece is used; of HTTP it is called
        while the piece comes, and not again for the same version
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any], check: Check | None = None) -> None:
        self.url, self._check = url, check
        self._checking = threading.Lock()
        self._checked: Version | None = None
        self._location = Location(url, storage_options)
        self._files: tuple[Any, str] | None = None
        if not self._location.direct:
            self._files = fsspec.core.url_to_fs(url, **storage_options)

    def read(self, start: int, end: int, stopped: threading.Event | None = None) -> bytes:
        """Return all bytes from ``start`` to before ``end``.

        Raises as ``fill``.
        """
        data = bytearray(end - start)
        self.fill(memoryview(data), start, stopped)
        return bytes(data)

    def fill(
        self,
        view: memoryview,
        start: int,
        stopped: threading.Event | None = None,
        received: Callable[[int, float], None] = _unwatched,
    ) -> None:
        """Fill ``view`` with the bytes from ``start`` on.

        A transfer that broke off resumes at that byte.

        Parameters
        ----------
        stopped : when set, it returns soon, and what is in ``view`` is of no use
        received : called with the number of bytes of each piece, and the seconds from a request to its first byte, or
            0 for a later piece

        Raises
        ------
        ShardError
            Where that still fails after several attempts, or the server ignores ranges. What ``check`` raises comes
        through.
        """
        done = 0

        def attempt() -> None:
            nonlocal done
            for count in self._pieces(view[done:], start + done, received):
                done += count
                if stopped is not None and stopped.is_set():
                    return
            if done < len(view):
                raise EOFError(f"bytes {start} to {start + len(view)}: only {done} came")

        retrying(attempt, self.url, stopped)

    def _pieces(self, view: memoryview, start: int, received: Callable[[int, float], None]) -> Iterator[int]:
        if self._files is None:
            return self._over_http(view, start, received)
        return self._by_fsspec(view, start, *self._files, received)

    def _over_http(self, view: memoryview, start: int, received: Callable[[int, float], None]) -> Iterator[int]:
        begun = time.perf_counter()
        with answer_of(self._location, start, start + len(view) - 1) as answer:
            waited = time.perf_counter() - begun
            with self._checked_beside(of_answer(answer)):
                done = 0
                while done < len(view) and (count := answer.readinto(view[done : done + _PIECE])):
                    received(count, waited)
                    yield count
                    done, waited = done + count, 0.0

    @contextlib.contextmanager
    def _checked_beside(self, version: Version) -> Iterator[None]:
        """Check a version while the block runs.

        What it finds is raised. A check is a request of its own: one after the other would cost each shard a round
        trip.
        """
        if self._check is None or (self._checked is not None and self._checked.same(version)):
            yield
            return
        found: Future[None] = Future()
        threading.Thread(target=self._settle, args=(version, found), daemon=True, name="version").start()
        try:
            yield
        except GeneratorExit:  # the bytes are of no use
            raise
        except BaseException:
            found.result()  # those that came are kept
            raise
        found.result()

    def _settle(self, version: Version, found: Future[None]) -> None:
        try:
            with self._checking:  # of several answers at once, one is checked
                if self._check is not None and not (self._checked is not None and self._checked.same(version)):
                    self._check(version)
                    self._checked = version if version.telling else None
        except BaseException as error:  # noqa: BLE001 -- it is raised where the bytes are wanted
            found.set_exception(error)
        else:
            found.set_result(None)

    def _by_fsspec(
        self, view: memoryview, start: int, file_system: Any, name: str, received: Callable[[int, float], None]
    ) -> Iterator[int]:
        begun, end = time.perf_counter(), start + len(view)
        version = None
        if is_s3(file_system):
            data, version = read_range(file_system, name, start, end, _REQUEST_SECONDS)
        elif isinstance(file_system, fsspec.asyn.AsyncFileSystem):
            data = fsspec.asyn.sync(
                file_system.loop, file_system._cat_file, name, start=start, end=end, timeout=_REQUEST_SECONDS
            )
        else:
            with file_system.open(name, "rb", cache_type="none") as file:  # any other fetches more than is asked for
                file.seek(start)
                data = file.read(len(view))
        if len(data) > len(view):
            raise ValueError("the server ignores byte ranges; use one that supports them, or copy the package first")
        if self._check is not None:
            # Asked for after the bytes: they are of this version or an earlier one.
            self._check(version or of_file(file_system, name))
        view[: len(data)] = data
        received(len(data), time.perf_counter() - begun)
        yield len(data)


class RangeFile(io.RawIOBase):
    """A remote file of known size as a file object.

    Each read is one request, but for what was fetched before.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any], size: int, check: Check | None = None) -> None:
        self._ranges = Ranges(url, storage_options, check)
        self._size = size
        self._position = 0
        self._held: list[tuple[int, memoryview]] = []

    def keep(self, *pieces: tuple[int, memoryview]) -> None:
        """Hold pieces, (begin, bytes), that were fetched elsewhere.

        They take the place of those before.
        """
        self._held = list(pieces)

    def hold(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Fetch and hold ranges (begin, end), replacing those held before.

        Each takes one request.
        """
        within = [(min(begin, self._size), min(end, self._size)) for begin, end in ranges]
        self._held = []  # first, so that the old and the new are never held at once
        self._held = [(begin, memoryview(self._ranges.read(begin, end))) for begin, end in within if begin < end]

    def parquet_source(self) -> pa.NativeFile:
        """Return it as a pyarrow file, its footer held.

        The footer takes one request, or two where it is large.

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

    def read(self, size: int = -1) -> Any:
        """Return ``size`` bytes, or all for -1; not copied.

        There are fewer at the end.
        """
        start = self._position
        end = self._size if size < 0 else min(start + size, self._size)
        data = self._bytes(start, end) if start < end else b""
        self._position += len(data)
        return data

    def _bytes(self, start: int, end: int) -> bytes | memoryview:
        for begin, held in self._held:
            if begin <= start and end <= begin + len(held):
                return held[start - begin : end - begin]
        return self._ranges.read(start, end)
