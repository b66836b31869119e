"""The worker's watchdog: how much time each item gets."""

from __future__ import annotations

import faulthandler
import functools
import multiprocessing.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.worker import Place, Watch, last_begun, place_of


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


def test_what_was_noted_last_is_known_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda *_, **__: None)
    began = time.time()
    watch = watch_in(tmp_path, monkeypatch)
    at = functools.partial(place_of, tmp_path, os.getpid())
    assert at(0) == at(-1) == Place()  # before its first call no item is to blame
    watch.note(5, -1, 9.0)
    assert at(5) == Place()  # nor before the call's first item
    watch.note(5, 3, 9.0)
    watch.use("fields/µ 1 [w1],#.tif")
    assert at(5) == Place(3, "fields/µ 1 [w1],#.tif")
    assert at(4) == Place()
    watch.use("b")
    assert at(5) == Place(3, "b")
    watch.use("x" * 70_000)  # no file system has such names: nothing is blamed but the item
    assert at(5) == Place(3, "")
    monkeypatch.setattr(time, "time", lambda: began + 1000)
    assert began <= last_begun(tmp_path) < began + 900
    watch.note(5, 4, 9.0)
    assert last_begun(tmp_path) == began + 1000
    close(watch)


def test_notes_outlive_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from builder.engine.worker import Watch\n"
        "watch = Watch(Path(sys.argv[1])); watch.note(2, 7, 60.0); watch.use('a.tif')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    assert done.wait() == -signal.SIGKILL
    assert place_of(tmp_path, done.pid, 2) == Place(7, "a.tif")


def test_nobody_has_begun_where_no_worker_is(tmp_path: Path) -> None:
    assert last_begun(tmp_path) == 0.0
    (tmp_path / "7.place").write_bytes(b"")  # made, and ended before its first note
    assert last_begun(tmp_path) == 0.0
    assert place_of(tmp_path, 7, 0) == Place()
