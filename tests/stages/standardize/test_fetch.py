from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from builder.errors import RejectedError
from builder.stages.standardize.fetch import Fetcher


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
    plain = os.open

    def waiting(path: str, flags: int) -> int:
        threads.append(threading.current_thread().name)
        if seconds:
            time.sleep(seconds)
        return plain(path, flags)

    monkeypatch.setattr(os, "open", waiting)
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
    monkeypatch.setattr("builder.stages.standardize.fetch._WAIT", -1.0)  # every read counts as waited for
    monkeypatch.setattr("builder.stages.standardize.fetch._WAITS", 2)
    (tmp_path / names[5]).unlink()
    fetcher = Fetcher(str(tmp_path), {}, 1000)
    for at in range(10):
        if at == 5:
            with pytest.raises(RejectedError, match="unreadable"):
                fetcher.fetch(names, at)
        else:
            assert len(fetcher.fetch(names, at)) == at + 1
    fetcher.close()


@pytest.mark.parametrize("given", [1, 7, 1000])
def test_a_file_that_grows_or_comes_in_pieces_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int
) -> None:
    content = bytes(range(256)) * 2
    (tmp_path / "grows.bin").write_bytes(content)
    plain, stat = os.read, os.fstat

    def as_it_was(file: int) -> os.stat_result:
        found = list(stat(file))
        found[6] = 300  # st_size, of the time before it grew
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", as_it_was)
    monkeypatch.setattr(os, "read", lambda file, most: plain(file, min(most, given)))
    assert Fetcher(str(tmp_path), {}, 1000).fetch(["grows.bin"], 0) == content


def test_files_are_closed(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(100_000))
    (tmp_path / "folder").mkdir()
    fetcher = Fetcher(str(tmp_path), {}, 5000)  # 80,000 bytes at most
    for name, reason in (("large.bin", "too_large"), ("folder", "unreadable")):
        free = os.open(tmp_path, os.O_RDONLY)
        os.close(free)
        with pytest.raises(RejectedError, match=reason):
            fetcher.fetch([name], 0)
        again = os.open(tmp_path, os.O_RDONLY)
        os.close(again)
        assert again == free  # the lowest number that is free
