"""Pools that run pieces in this process or local ones.

``cluster`` runs them on a cluster.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol

import pebble

from builder import interrupt
from builder.engine import localfiles, worker
from builder.engine.task import Failure, Result, RunSettings
from builder.errors import UserError

log = logging.getLogger(__name__)

_AHEAD = 3  # pieces in flight a worker: enough that none waits, few enough that memory stays flat
_PREPARATION = 600.0  # seconds that compiling may take

CANNOT_START = (
    "processes need memory (ulimit -v, the container's limit), open files (ulimit -n 1024), a /dev/shm and a TMPDIR "
    "that can be written to; `cytoimagenet doctor` says what is short, --workers 0 runs everything in one process"
)
_OWN_DOING = ("SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")

Function = Callable[[Any], Any]


class Pool(Protocol):
    """Runs ``function(items)`` somewhere."""

    @property
    def places(self) -> int:
        """Return how many pieces should be in flight."""

    def submit(self, function: Function, items: tuple[Any, ...]) -> Future[Any]:
        """Start a call."""

    def ended(self, future: Future[Any]) -> Result:
        """Say how a finished call ended."""

    def is_stuck(self, seconds: float) -> bool:
        """Return whether a pool silent this long must be stuck."""

    def restart(self) -> None:
        """Start anew; what was in flight is lost."""

    def close(self) -> None:
        """End the workers, at once where they are busy."""


class InProcess:
    """Runs every call at once, in this process: to debug."""

    places = 1

    def submit(self, function: Function, items: tuple[Any, ...]) -> Future[Any]:
        """Run the call."""
        future: Future[Any] = Future()
        try:
            began = time.perf_counter()
            future.set_result((function(items), time.perf_counter() - began))
        except Exception as error:  # noqa: BLE001 -- kept in the future, as an executor does
            future.set_exception(error)
        return future

    def ended(self, future: Future[Any]) -> Result:
        """Say how a call ended."""
        error = future.exception()
        if isinstance(error, MemoryError):
            return Result(failure="out_of_memory", detail=f"out of memory {error}".strip())
        if error:
            return Result(error=error)
        value, seconds = future.result()
        return Result(value=value, seconds=seconds)

    def is_stuck(self, seconds: float) -> bool:
        """Return False: it works while one waits."""
        return False

    def restart(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class LocalPool:
    """A pool of local processes, with each call watched.

    They are started afresh (spawn) and replaced after some tasks. One run after another may use it (``adopt``).
    """

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._calls = itertools.count()
        self._numbers: dict[Future[Any], int] = {}
        self._notes = localfiles.scratch_folder()
        worker.check_notes_fit(Path(self._notes.name), settings.workers)
        self._most_items = 0
        self.closed = False
        self._pool = self._started()

    def adopt(self, settings: RunSettings) -> None:
        """Serve another run, whatever number of workers it asks for."""
        self._settings = dataclasses.replace(settings, workers=self._settings.workers)
        self._most_items = 0

    @property
    def places(self) -> int:
        """Return how many pieces should be in flight."""
        return _AHEAD * self._settings.workers

    def _started(self) -> pebble.ProcessPool:
        try:
            with interrupt.held():
                pool = pebble.ProcessPool(
                    max_workers=self._settings.workers,
                    max_tasks=self._settings.tasks_per_worker,
                    initializer=worker.start_worker,
                    initargs=(self._notes.name,),
                    context=multiprocessing.get_context("spawn"),
                )
                _ = pool.active  # starts the workers, and the threads that replace them
                return pool
        except OSError as error:
            raise UserError(f"no process can be started here ({error.strerror}): {CANNOT_START}") from error

    def submit(self, function: Function, items: tuple[Any, ...]) -> Future[Any]:
        """Start a call.

        Its worker keeps the time limit; pebble's longer one is for a worker that cannot.
        """
        call, limit, prepare = next(self._calls), self._settings.time_limit, self._settings.prepare
        self._most_items = max(self._most_items, len(items))
        most = (len(items) + 3) * limit + len(items) + 60 + (_PREPARATION if prepare else 0)
        arguments = (function, prepare, call, limit, items)
        try:
            future: Future[Any] = self._pool.schedule(worker.call_watched, args=arguments, timeout=most)
        except RuntimeError as error:  # the pool has broken since
            future = Future()
            future.set_exception(BrokenProcessPool(str(error)))
        self._numbers[future] = call
        return future

    def ended(self, future: Future[Any]) -> Result:
        """Say how a finished call ended."""
        call = self._numbers.pop(future, -1)
        try:
            value, seconds = future.result()
            return Result(value=value, seconds=seconds)
        except pebble.ProcessExpired as expired:
            return self._died(expired, call)
        except worker.OutOfMemoryError as error:
            return Result(failure="out_of_memory", detail=error.detail, position=error.position, used=error.used)
        except MemoryError as error:  # outside the call, as when its result is sent
            return Result(failure="out_of_memory", detail=f"out of memory {error}".strip())
        except (BrokenProcessPool, CancelledError):
            return Result(lost=True)
        except FutureTimeoutError as error:
            if len(error.args) == 2 and error.args[0] == "Task timeout":
                return Result(failure="timed_out", detail=self._limit_text())
            return Result(error=error)
        except Exception as error:  # noqa: BLE001 -- the function's own: handed on
            return Result(error=error, detail=str(getattr(error, "traceback", "")))

    def _died(self, expired: pebble.ProcessExpired, call: int) -> Result:
        folder, pid = Path(self._notes.name), int(expired.pid or 0)
        place, trace = worker.place_of(folder, pid, call), worker.trace_of(folder, pid)
        worker.forget(folder, pid)
        if trace:
            log.warning("a worker ended in %s", worker.innermost(trace))
            log.debug("its stack:\n%s", trace.rstrip())
        failure, detail = how_it_ended(expired.exitcode)
        if trace.startswith("Timeout"):
            failure, detail = "timed_out", self._limit_text()
        return Result(failure=failure, detail=detail, **place._asdict())

    def _limit_text(self) -> str:
        return f"longer than {self._settings.time_limit:g} s"

    def is_stuck(self, seconds: float) -> bool:
        """Return whether nothing finished or began for so long.

        A message was then lost with its process.
        """
        most = 3 * self._settings.time_limit + self._most_items + 120  # a watched worker ends itself before
        if seconds < most:
            return False
        return time.time() - worker.last_begun(Path(self._notes.name)) > most

    def restart(self) -> None:
        """Start anew; what was in flight is lost."""
        self._stop()
        self._pool = self._started()

    def close(self) -> None:
        """End the workers, at once where they are busy."""
        self.closed = True
        self._stop()
        self._notes.cleanup()

    def _stop(self) -> None:
        # All are told before any is waited for: pebble gives one after another three seconds.
        for child in multiprocessing.active_children():
            if Path(self._notes.name, f"{child.pid}.place").exists():
                child.terminate()
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        for future in list(self._numbers):  # else one that waits for it would do so forever
            future.cancel()
        self._numbers.clear()


class KeptPools:
    """Local workers kept from one run to the next.

    To start a worker takes more than a second of processor time, most of it imports.
    """

    def __init__(self) -> None:
        self._pool: LocalPool | None = None
        self._closing = contextlib.ExitStack()

    def pool(self, settings: RunSettings) -> LocalPool:
        """Return the workers, started where there are none."""
        if self._pool is None:
            self._closing.enter_context(single_threads())
            self._pool = self._closing.enter_context(contextlib.closing(LocalPool(settings)))
        self._pool.adopt(settings)
        return self._pool

    def __enter__(self) -> KeptPools:
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self._pool = None
        self._closing.close()


def how_it_ended(code: int | None) -> tuple[Failure, str]:
    """Return what ended a process, and how.

    The words are the same on every machine. Only a process that ended by its own doing crashed: SIGKILL is the kernel's
    when memory runs out, SIGBUS a page that a disk or a full /dev/shm could not give, the others come from a user, a
    scheduler or a limit.
    """
    text = exit_text(code)
    killed = code is not None and code < 0 and text.removeprefix("ended by ") not in _OWN_DOING
    return ("out_of_memory" if killed else "crashed"), text


def exit_text(code: int | None) -> str:
    """Return how a process ended, worded alike on every machine."""
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    return f"exit code {code}"


@contextlib.contextmanager
def single_threads() -> Iterator[None]:
    """Limit libraries of newly started processes to one thread.

    What the user set stays.
    """
    added = [name for name in worker.THREAD_LIMITS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
