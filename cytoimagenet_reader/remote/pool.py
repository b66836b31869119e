"""Threads that fetch blocks of remote files, in request order."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from cytoimagenet_reader.remote.http import CONNECTIONS
from cytoimagenet_reader.remote.ranges import Ranges

_IDLE_SECONDS: Final = 10.0  # after which a thread without work ends
_RATE_SECONDS: Final = 0.2  # over which the rate is measured


class Block(NamedTuple):
    """A range of bytes that is wanted.

    Parameters
    ----------
    view : where the bytes are received
    stopped : once set, the block is no longer wanted
    received : called with the number of bytes of each piece of it
    landed : called when all bytes are there, or with the error for which they are not
    """

    file: Ranges
    start: int
    view: memoryview
    stopped: threading.Event
    received: Callable[[int], None]
    landed: Callable[[BaseException | None], None]


class Pool:
    """Up to ``CONNECTIONS`` block-fetching threads and their measurements.

    Attributes
    ----------
    rate : bytes per second of all threads, lately; 0 before the first 0.2 s with bytes
    """

    def __init__(self) -> None:
        self.rate = 0.0
        self._blocks: queue.SimpleQueue[Block] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._idle = 0
        self._delays: deque[float] = deque([0.05], 32)
        self._bytes, self._since = 0, time.perf_counter()

    @property
    def delay(self) -> float:
        """The least recent time to first byte, in seconds."""
        return min(tuple(self._delays))

    def put(self, blocks: list[Block]) -> None:
        """Have blocks fetched after those that were asked for before."""
        for block in blocks:
            self._blocks.put(block)
        with self._lock:
            started = min(len(blocks) - self._idle, CONNECTIONS - self._threads)
            for _ in range(started):
                self._threads += 1
                threading.Thread(target=self._work, daemon=True, name="cytoimagenet remote").start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                block = self._blocks.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                block = None
            with self._lock:
                self._idle -= 1
                if block is None and self._blocks.empty():
                    self._threads -= 1
                    return
            if block is not None and not block.stopped.is_set():
                self._fetch(block)

    def _fetch(self, block: Block) -> None:
        def received(count: int, seconds: float) -> None:
            self._note(count, seconds)
            block.received(count)

        try:
            block.file.fill(block.view, block.start, block.stopped, received)
        except BaseException as error:  # noqa: BLE001 -- it is raised where the bytes are wanted
            block.landed(error)
        else:
            block.landed(None)

    def _note(self, count: int, seconds: float) -> None:
        """Record bytes received and seconds to the first byte."""
        with self._lock:
            if seconds:
                self._delays.append(seconds)
            now = time.perf_counter()
            passed = now - self._since
            if passed > _RATE_SECONDS and not self._bytes:  # nothing was under way: this says nothing of the line
                self._since = now
                return
            self._bytes += count
            if passed > _RATE_SECONDS:
                self.rate = max(self._bytes / passed, 0.7 * self.rate)
                self._bytes, self._since = 0, now


_pools: dict[int, Pool] = {}


def pool() -> Pool:
    """Return the pool of this process.

    A forked process has none of its parent's threads.
    """
    return _pools.setdefault(os.getpid(), Pool())
