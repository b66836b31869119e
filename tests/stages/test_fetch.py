from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from builder.errors import RejectedError
from builder.stages.fetch import Fetcher


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    (tmp_path / "s").mkdir()
    found = [f"s/{n}.bin" for n in range(60)]
    for n, name in enumerate(found):
        (tmp_path / name).write_bytes(bytes([n]) * (n + 1))
    return found


def fetched_in(names: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
    """Fetch all, where each read waits so long; return the threads that read."""
    threads = []
    plain = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        threads.append(threading.current_thread().name)
        if seconds:
            time.sleep(seconds)
        return plain(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    fetcher = Fetcher(str(folder), {}, 1000)
    contents = [fetcher.fetch(names, at) for at in range(len(names))]
    fetcher.close()
    assert contents == [bytes([n]) * (n + 1) for n in range(len(names))]
    return threads


def test_files_that_are_there_at_once_are_read_without_threads(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may hold up a read or two; not most of them.
    assert fetched_in(names, tmp_path, monkeypatch, 0.0) == ["MainThread"] * len(names)


def test_files_that_have_to_be_waited_for_are_read_ahead_each_once(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = fetched_in(names, tmp_path, monkeypatch, 0.003)
    assert len(threads) == len(names)
    assert threads[:4] == ["MainThread"] * 4
    assert len(set(threads[4:])) > 1
    assert "MainThread" not in threads[4:]


def test_a_file_that_is_missing_does_not_stop_those_after_it(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.stages.fetch._WAIT", -1.0)  # every read counts as waited for
    monkeypatch.setattr("builder.stages.fetch._WAITS", 2)
    (tmp_path / names[5]).unlink()
    fetcher = Fetcher(str(tmp_path), {}, 1000)
    for at in range(10):
        if at == 5:
            with pytest.raises(RejectedError, match="unreadable"):
                fetcher.fetch(names, at)
        else:
            assert len(fetcher.fetch(names, at)) == at + 1
    fetcher.close()
