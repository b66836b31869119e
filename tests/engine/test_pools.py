"""A pool's workers never see Ctrl-C, not even while they start."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from builder.engine.pools import LocalPool
from builder.engine.task import RunSettings


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
