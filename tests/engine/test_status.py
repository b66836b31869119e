from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from builder.engine.log import read_log
from builder.engine.status import status
from builder.inspect.status import stage_lines


def _event(time: float, event: str, **facts: Any) -> dict[str, Any]:
    return {"time": time, "event": event, **facts}


def _task(time: float, event: str, task: str, weight: int, seconds: float, **facts: Any) -> dict[str, Any]:
    return _event(time, event, stage="standardize", task=task, weight=weight, seconds=seconds, **facts)


def test_a_running_stage() -> None:
    events = [
        _event(0, "begin"),
        _event(0, "stage", stage="standardize", total=1000),
        *[_task(10.0 * n, "done", f"idr0016/{n}", 20, 4.0 + n / 100) for n in range(1, 11)],
        _task(105, "timed_out", "rec_rxrx1/a", 20, 0.0),
        *[_task(10.0 * n, "done", f"rec_rxrx1/{n}", 20, 1.0) for n in range(11, 20)],
        _task(200, "poisoned", "rec_rxrx1/a", 1, 0.0, reason="timed_out"),
    ]
    (found,) = status(events)
    assert (found.total, found.done, found.ended) == (1000, 19 * 20 + 1, None)
    assert found.rate == pytest.approx(381 / 200)  # all of it lies within the last five minutes
    assert found.left == pytest.approx((1000 - 381) / (381 / 200))
    assert found.failures == {"timed_out": 1}
    assert found.slowest[:2] == [(4.1, "idr0016/10"), (4.09, "idr0016/9")]
    assert len(found.slowest) == 5
    assert list(stage_lines([found], now=205.0)) == [
        "standardize: 381 of 1,000 done, 1.9 per second, 5 min left; last result 5 s ago",
        "  timed_out: 1",
        "  idr0016: 203 ms each",  # 40.55 s for 200
        "  rec_rxrx1: 50 ms each",
    ]


def test_the_rate_is_that_of_the_last_five_minutes() -> None:
    events = [
        _event(0, "stage", stage="standardize", total=10_000),
        *[_task(float(n), "done", "a/b", 10, 1.0) for n in range(1, 1001)],  # ten a second
        *[_task(float(n), "done", "a/b", 1, 1.0) for n in range(1001, 1401)],  # one
    ]
    (found,) = status(events)
    assert found.rate == pytest.approx(1.0, rel=0.01)


def test_only_the_last_run_counts() -> None:
    stage = {"stage": "shard", "total": 5}
    events = [
        _event(0, "begin"),
        _event(1, "stage", **stage),
        _event(5, "begin"),
        _event(6, "stage", stage="label", total=None),
        _event(7, "stage_end", stage="label"),
        _event(8, "end"),
        _event(9, "begin"),  # of a command without stages: the build's stay
        _event(9, "end"),
    ]
    (found,) = status(events)
    assert (found.name, found.ended, found.left) == ("label", 7, None)
    assert list(stage_lines([found], 9)) == ["label: 0 done, 0.0 per second; ended"]


def test_a_log_whose_writer_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    whole = [_event(0, "begin"), _event(1, "stage", stage="x", total=1)]
    path.write_text("".join(json.dumps(event) + "\n" for event in whole) + '{"time": 3, "eve')
    assert list(read_log(path)) == whole
