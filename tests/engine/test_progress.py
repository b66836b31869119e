from __future__ import annotations

import pytest

from builder.engine import progress
from builder.engine.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_a_line_every_half_minute_where_there_is_no_terminal(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("standardize", 10_000, "images") as shown:
        for _ in range(90):  # seconds
            clock.now += 1
            shown.add(20)
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.splitlines() == [
        "standardize: 600 of 10,000 images, 20.0 per second, 07:50 left",
        "standardize: 1,200 of 10,000 images, 20.0 per second, 07:20 left",
        "standardize: 1,800 of 10,000 images, 20.0 per second, 06:50 left",
    ]


def test_the_rate_does_not_count_what_comes_before_the_first(clock: Clock) -> None:
    """Workers start and compile; the first parts wait for that."""
    with Progress("standardize", 1000, "images") as shown:
        clock.now += 60
        shown.add(100)
        assert shown.line() == "standardize: 100 of 1,000 images, 1.7 per second, ? left"
        clock.now += 10
        shown.add(100)
        assert shown.line() == "standardize: 200 of 1,000 images, 10.0 per second, 01:20 left"


def test_without_a_total_there_is_no_time_left(clock: Clock) -> None:
    with Progress("annotate", None, "rows") as shown:
        clock.now += 4
        shown.add(10)
        assert shown.line() == "annotate: 10 rows, 2.5 per second"


def test_nothing_done_yet(clock: Clock) -> None:
    with Progress("shard", 5, "images") as shown:
        assert shown.line() == "shard: 0 of 5 images, 0.0 per second, ? left"


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Progress("shard", 5, "images") as shown:
        shown.add(5)
        assert shown.done == 5
    assert "shard" in capsys.readouterr().err
