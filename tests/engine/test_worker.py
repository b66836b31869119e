"""The watch on a worker: how long each item is given."""

from __future__ import annotations

import faulthandler
import multiprocessing.util
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.worker import Watch


def watch_in(folder: Path, patch: pytest.MonkeyPatch) -> Watch:
    """Return a watch that leaves this process alone."""
    patch.setattr(faulthandler, "enable", lambda _: None)
    patch.setattr(multiprocessing.util, "Finalize", lambda *_, **__: None)
    return Watch(folder)


def close(watch: Watch) -> None:
    watch._place.close()
    watch._trace.close()


@given(
    limit=st.sampled_from([0.5, 3.0, 300.0]),
    took=st.lists(st.floats(0, 5) | st.floats(0, 0.05), min_size=1, max_size=60),
)
def test_each_item_has_its_time_and_little_more(
    limit: float, took: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    now, ends = 1000.0, 0.0
    with pytest.MonkeyPatch.context() as patch:
        watch = watch_in(tmp_path_factory.getbasetemp(), patch)
        patch.setattr(time, "monotonic", lambda: now)

        def wind_up(seconds: float, **_: object) -> None:
            nonlocal ends
            ends = now + seconds

        patch.setattr(faulthandler, "dump_traceback_later", wind_up)
        for position, seconds in enumerate(took):
            watch.note(1, position, limit)
            assert now + limit - 1e-6 <= ends <= now + limit + min(1.0, limit / 10) + 1e-6
            now += seconds
    close(watch)


def test_quick_items_do_not_wind_it_up_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wound: list[float] = []
    watch = watch_in(tmp_path, monkeypatch)
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda seconds, **_: wound.append(seconds))
    for position in range(100):
        watch.note(1, position, 300.0)
    assert len(wound) < 5
    watch.rest()
    watch.note(2, 0, 300.0)
    assert len(wound) < 7
    assert wound[-1] >= 300.0
    close(watch)
