"""Pieces run on a Dask cluster, through its ``concurrent.futures`` interface.

Each Dask worker hands its pieces to child processes of its own (``pools.LocalPool``). So a piece that hangs or dies
ends as it does on one machine, and never takes a Dask worker with it; workers that vanish are Dask's to replace.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import importlib
import logging
import multiprocessing
import os
import platform
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from typing import Any

from builder.engine.pools import Function, LocalPool
from builder.engine.statement import difference, statement
from builder.engine.task import Result, RunSettings
from builder.engine.worker import THREAD_LIMITS
from builder.errors import UserError

try:
    distributed: Any = importlib.import_module("distributed")  # partly typed: taken as untyped
except ImportError:
    raise UserError("--scheduler needs dask.distributed: pip install 'cytoimagenet[cluster]'") from None

log = logging.getLogger(__name__)

_AHEAD = 3  # pieces in flight a thread
_FEWEST = 32  # pieces in flight: an adaptive cluster grows by what waits, also when it has no worker yet
_COUNT_EVERY = 5.0  # seconds
_SAY_EVERY = 60.0
_MOST_RESTARTS = 3
_NOISY = ("distributed", "tornado.application", "asyncio")


class ClusterPool:
    """The workers of a Dask scheduler.

    They may come and go.

    Raises
    ------
    UserError
        Where no scheduler answers at the address.
    """

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        for name in _NOISY:  # a scheduler that dies is said in one line, not in their tracebacks
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._connect()

    def _connect(self) -> None:
        address = self._settings.scheduler
        try:
            self._client = distributed.Client(address, timeout=30, set_as_default=False, name="cytoimagenet")
        except (OSError, ValueError) as error:
            raise UserError(f"no Dask scheduler answers at {address}: {error}") from error
        self._executor = self._client.get_executor(pure=False)
        self._counted, self._threads, self._said = 0.0, 0, time.monotonic()

    @property
    def places(self) -> int:
        """Return how many pieces the cluster should have in flight."""
        if time.monotonic() - self._counted > _COUNT_EVERY:
            try:
                self._threads = sum(self._client.nthreads().values())
            except (OSError, TimeoutError) as error:
                address = self._settings.scheduler
                raise UserError(
                    f"the Dask scheduler at {address} is gone ({error}): run the same command again"
                ) from error
            self._counted = time.monotonic()
        return max(_FEWEST, _AHEAD * self._threads)

    def submit(self, function: Function, items: tuple[Any, ...]) -> Future[Any]:
        """Start a call."""
        future: Future[Any] = self._executor.submit(run_piece, function, self._settings, dict(statement()), items)
        return future

    def ended(self, future: Future[Any]) -> Result:
        """Say how a finished call ended."""
        try:
            ended: Result = future.result()
        except distributed.KilledWorker:
            return Result(failure="out_of_memory", detail="ended several Dask workers")
        except (CancelledError, distributed.comm.CommClosedError):
            return Result(lost=True)  # the scheduler was restarted or has lost the data
        except Exception as error:  # noqa: BLE001 -- of unpickling on the worker, for instance: handed on
            return Result(error=error)
        return ended

    def is_stuck(self, seconds: float) -> bool:
        """Return False, warning when the cluster has no workers.

        Dask runs lost pieces again.
        """
        if not self._threads and time.monotonic() - self._said > _SAY_EVERY:
            self._said = time.monotonic()
            log.warning("the Dask cluster at %s has no worker yet; waiting", self._settings.scheduler)
        return False

    def restart(self) -> None:
        """Connect again; what was in flight is lost."""
        self._client.close(timeout=5)
        self._connect()

    def close(self) -> None:
        """Cancel running work and end the children on the workers.

        A scheduler that is gone is left alone.
        """
        try:
            if self._client.status == "running":
                self._executor.shutdown(wait=False)
                self._client.run(end_children, on_error="ignore")
            self._client.close(timeout=5)
        except (OSError, TimeoutError) as error:
            log.debug("workers left alone: %s", error)


# What follows runs on the workers.

_children: dict[RunSettings, LocalPool] = {}
_lock = threading.Lock()


def run_piece(function: Function, settings: RunSettings, wanted: Mapping[str, str], items: tuple[Any, ...]) -> Result:
    """Return how ``function(items)`` ended in a Dask worker's child process.

    A worker that differs in what it states (``statement``) from what is wanted does nothing and says so.
    """
    if odd := difference(wanted, statement()):
        address = distributed.get_worker().address
        text = f"the Dask worker {platform.node()} ({address}) has {odd}: install there what is installed here"
        return Result(error=UserError(text))
    for _ in range(_MOST_RESTARTS):
        pool = _pool_here(settings)
        future = pool.submit(function, items)
        began = time.monotonic()
        while not concurrent.futures.wait([future], timeout=1).done:
            if pool.closed:
                return Result(lost=True)  # the run is over: nobody waits for this, and nothing will end it
            if pool.is_stuck(time.monotonic() - began):
                break
        else:
            ended = pool.ended(future)
            if not ended.lost or pool.closed:
                return ended
        _drop(pool)
    return Result(failure="out_of_memory", detail="the child processes of a Dask worker end at once")


def _pool_here(settings: RunSettings) -> LocalPool:
    threads = distributed.get_worker().state.nthreads
    local = dataclasses.replace(settings, workers=threads, scheduler=None)
    with _lock:
        if local not in _children:
            # Dask starts its workers as daemons, which may have no children: they could outlive them. These cannot.
            multiprocessing.current_process().daemon = False
            for name in THREAD_LIMITS:
                os.environ.setdefault(name, "1")
            _children[local] = LocalPool(local)
        return _children[local]


def _drop(pool: LocalPool) -> None:
    with _lock:
        for key in [key for key, known in _children.items() if known is pool]:
            del _children[key]
    pool.close()


def end_children() -> None:
    """End the child processes of this Dask worker."""
    with _lock:
        pools = list(_children.values())
        _children.clear()
    for pool in pools:
        pool.close()
