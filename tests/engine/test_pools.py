"""A pool's workers ignore Ctrl-C and outlive a run.

They ignore it even while they start.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from builder.engine.pools import KeptPools, LocalPool
from builder.engine.progress import Progress
from builder.engine.run import run_tasks
from builder.engine.task import RunSettings, Task
from tests.engine import jobs


def blocked_in_worker(items: tuple[int, ...]) -> tuple[int, bool]:
    return os.getpid(), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_and_those_that_replace_them_start_with_ctrl_c_blocked() -> None:
    pool = LocalPool(RunSettings(workers=1, tasks_per_worker=1))
    try:
        found = [pool.submit(blocked_in_worker, (1,)).result(120)[0] for _ in range(2)]
    finally:
        pool.close()
    assert len({process for process, _ in found}) == 2
    assert all(blocked for _, blocked in found)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def prepare() -> None:
    prepared.append(os.getpid())


prepared: list[int] = []


def process_and_preparations(items: tuple[int, ...]) -> tuple[int, int]:
    return os.getpid(), len(prepared)


def values(kept: KeptPools, function: Callable[[tuple[Any, ...]], Any], settings: RunSettings) -> list[Any]:
    found: list[Any] = []
    tasks = [Task(f"task {n}", (n,), 1) for n in range(4)]
    with Progress("test") as progress:
        run_tasks(
            function,
            tasks,
            settings=settings,
            progress=progress,
            on_result=lambda _, value: found.append(value),
            on_fault=lambda item, reason, _: found.append((item, reason)),
            kept=kept,
        )
    return found


def test_workers_serve_one_run_after_another_each_with_its_own_settings() -> None:
    settings = RunSettings(workers=1)
    with KeptPools() as kept:
        [(first, unprepared)] = set(values(kept, process_and_preparations, settings))
        ready = dataclasses.replace(settings, prepare=prepare)
        assert set(values(kept, process_and_preparations, ready)) == {(first, 1)}, "prepared once"
        assert set(values(kept, process_and_preparations, ready)) == {(first, 1)}
        hurried = dataclasses.replace(settings, time_limit=0.3)
        hang = functools.partial(jobs.misbehave, {2: "hang"})
        assert (2, "timed_out") in values(kept, hang, hurried)
    assert unprepared == 0
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_workers_killed_between_two_runs_are_replaced() -> None:
    with KeptPools() as kept:
        settings = RunSettings(workers=1)
        [(first, _)] = set(values(kept, process_and_preparations, settings))
        os.kill(first, signal.SIGKILL)
        [(second, _)] = set(values(kept, process_and_preparations, settings))
    assert second != first
