"""Threads of generators, which may be abandoned."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def threads_of_generator(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give threads that are stopped without waiting for them.

    A generator that is not read to its end is closed by the garbage collector: in any thread, and while that holds any
    lock, those of ``threading`` included. Whoever waits for a thread then may wait for ever.
    """
    threads = ThreadPoolExecutor(count, name)
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
