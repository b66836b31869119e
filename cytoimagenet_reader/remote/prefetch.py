"""Pieces of remote files, fetched ahead in order of need.

Bytes asked for and not yet taken are bounded by the window, see ``Window``. Memory: the windows (64 MB at most for a
process) and what the reader holds: of each category the record batch whose rows it gives.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from cytoimagenet_reader.remote.pool import Block, pool
from cytoimagenet_reader.remote.ranges import Ranges
from cytoimagenet_reader.remote.window import Window

FIRST_KEY: Final = 0
"""Of a piece that has rows; smaller keys are of those without which the others of a file are of no use."""
_JOINED: Final = 1 << 20  # bytes up to which pieces that follow one another in a file are fetched as one
_APART: Final = 16  # first pieces, which are fetched by themselves: no row comes before each category's first
_PLANNED: Final = 256  # segments that are known before they are asked for

_windows: weakref.WeakSet[Prefetch] = weakref.WeakSet()  # of this process


class Need(NamedTuple):
    """A needed piece of a file: ``low`` to before ``high``.

    ``key`` names it within its file, ``sequence`` the files that are read one after the other, beside those of other
    sequences.
    """

    path: str
    key: int
    low: int
    high: int
    sequence: str = ""


class _Segment:
    """Adjacent pieces of a file, fetched as one."""

    __slots__ = ("data", "error", "high", "last_key", "left", "low", "number", "path", "sequence", "uses")

    def __init__(self, need: Need, number: int) -> None:
        self.path, self.low, self.high = need.path, need.low, need.high
        self.sequence = need.sequence
        self.number = number  # in the order of need
        self.last_key = need.key
        self.uses = 1  # pieces that are still to be taken
        self.left: int | None = None  # blocks under way; None before it is asked for
        self.data: np.ndarray[Any, Any] | None = None
        self.error: BaseException | None = None

    @property
    def size(self) -> int:
        return self.high - self.low


class Prefetch:
    """Pieces of files, fetched in the order of need.

    They are fetched over the connections of the process.

    Parameters
    ----------
    needs : in that order; the reader takes them in nearly the same
    file : by its path

    Attributes
    ----------
    held : bytes asked for and not yet taken
    """

    def __init__(self, needs: Iterable[Need], file: Callable[[str], Ranges]) -> None:
        self._needs, self._file, self._pool = iter(needs), file, pool()
        self._change = threading.Condition()
        self._closed = threading.Event()
        self._files: dict[str, Ranges] = {}
        self._numbers = itertools.count()
        self._latest: dict[str, _Segment] = {}  # of each file, as it is planned
        self._of: dict[tuple[str, int], deque[_Segment]] = {}  # in which each piece is
        self._queue: deque[_Segment] = deque()  # planned, not yet asked for
        self._waited = False  # whether the reader had to wait for what it took last
        self.held = 0
        _windows.add(self)
        with self._change:
            self._plan()
            self.window = Window(self._before_first_row(), self._pool.rate, self._pool.delay, len(_windows))
            self._ask()

    def take(self, path: str, key: int) -> tuple[int, np.ndarray[Any, Any]]:
        """Return the file offset and bytes that contain a piece.

        Raises
        ------
        ShardError
            Where they could not be fetched, after several attempts.
        """
        with self._change:
            while not self._of.get((path, key)):
                if not self._plan(1):
                    raise LookupError(f"piece {key} of {path} was not among the needs")
            segment = self._of[path, key].popleft()
            if segment.left is None:
                self._queue.remove(segment)
                self._fetch(segment)
            self._waited = bool(segment.left)
            while segment.left and segment.error is None:
                self._change.wait()
            if segment.error is not None:
                raise segment.error
            data = segment.data
            segment.uses -= 1
            if not segment.uses:
                self.held -= segment.size
                segment.data = None
            self._ask()
        if data is None:
            raise LookupError(f"piece {key} of {path} was taken before")
        return segment.low, data

    def close(self) -> None:
        """Cancel what is under way."""
        with self._change:
            self._closed.set()
            self._queue.clear()
            self._of.clear()
        _windows.discard(self)

    def _before_first_row(self) -> int:
        """Return the bytes needed before any row: each first piece."""
        size, sequences = 0, set[str]()
        for segment in self._queue:
            if segment.sequence not in sequences:
                size += segment.size
                if segment.last_key >= FIRST_KEY:
                    sequences.add(segment.sequence)
        return size

    def _plan(self, more: int = 0) -> int:
        """Plan enough needs, and ``more``; return how many were read."""
        read = 0
        while (len(self._queue) < _PLANNED or read < more) and (need := next(self._needs, None)):
            self._place(need)
            read += 1
        return read

    def _place(self, need: Need) -> None:
        """Put a piece into its segment, or a new one."""
        segment = self._latest.get(need.path)
        again = segment is not None and segment.last_key == need.key and segment.uses > 0  # of two streams
        if segment is None or not (again or self._joins(segment, need)):
            segment = _Segment(need, next(self._numbers))
            self._latest[need.path] = segment
            self._queue.append(segment)
        else:
            segment.uses += 1
            segment.high, segment.last_key = need.high, need.key
        self._of.setdefault((need.path, need.key), deque()).append(segment)

    @staticmethod
    def _joins(segment: _Segment, need: Need) -> bool:
        apart = segment.number < _APART or segment.left is not None
        return not apart and segment.high == need.low and need.high - segment.low <= _JOINED

    def _ask(self) -> None:
        """Ask for what the window has room for."""
        while self._queue or self._plan():
            if self._closed.is_set() or (self.held and self.held + self._queue[0].size > self.window.size):
                return
            self._fetch(self._queue.popleft())
            self._plan()

    def _fetch(self, segment: _Segment) -> None:
        if segment.path not in self._files:
            self._files[segment.path] = self._file(segment.path)
        file = self._files[segment.path]
        segment.data = np.empty(segment.size, np.uint8)
        view = segment.data.data
        self.held += segment.size
        bounds = self.window.blocks(segment.size, self._pool.rate, self._pool.delay)
        segment.left = len(bounds) - 1
        received, landed = partial(self._received, segment), partial(self._landed, segment)
        self._pool.put(
            [
                Block(file, segment.low + a, view[a:b], self._closed, received, landed)
                for a, b in itertools.pairwise(bounds)
            ]
        )

    def _received(self, segment: _Segment, size: int) -> None:
        """Ask for more as bytes come, while the reader waits.

        If it waited for the whole block, the line would be idle until the next answer.
        """
        with self._change:
            if self._waited and not self._closed.is_set():
                self.window.grow(size, segment.size, self._pool.rate, self._pool.delay, len(_windows))
                self._ask()

    def _landed(self, segment: _Segment, error: BaseException | None) -> None:
        with self._change:
            segment.left = (segment.left or 1) - 1
            segment.error = segment.error or error
            if not segment.left or error:
                self._change.notify_all()
