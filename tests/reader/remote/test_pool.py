"""What a pool measures of the line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cytoimagenet_reader.remote import pool
from cytoimagenet_reader.remote.pool import Block, Pool
from cytoimagenet_reader.remote.ranges import Ranges

PIECE = 1 << 18


def test_time_without_requests_is_no_fact_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(pool, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    class Line:
        """Ten pieces a second."""

        def fill(
            self, view: memoryview, start: int, stopped: Any, received: Callable[[int, float], None]
        ) -> None:  # fmt: skip
            for at in range(0, len(view), PIECE):
                clock.now += 0.1
                received(PIECE, 0.05 if at == 0 else 0.0)

    measured, pieces = Pool(), list[int]()
    for _ in range(3):
        clock.now += 100  # in which nothing is asked for
        done = threading.Event()
        view = memoryview(bytearray(8 * PIECE))
        line = cast("Ranges", Line())
        measured.put([Block(line, 0, view, threading.Event(), pieces.append, lambda _, done=done: done.set())])
        assert done.wait(60)
        assert measured.rate == pytest.approx(10 * PIECE, rel=0.01)
    assert pieces == [PIECE] * 24
