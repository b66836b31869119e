from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from builder.errors import RejectedError, UnavailableError
from builder.stages.standardize import fetch, patience
from builder.stages.standardize.fetch import Fetcher


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_out_of_patience", False)


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    (tmp_path / "s").mkdir()
    found = [f"s/{n}.bin" for n in range(60)]
    for n, name in enumerate(found):
        (tmp_path / name).write_bytes(bytes([n]) * (n + 1))
    return found


def fetched_in(names: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
    """Fetch all files, each read delayed; return the reading threads."""
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
    monkeypatch.setattr(fetch, "_WAIT", -1.0)  # every read counts as waited for
    monkeypatch.setattr(fetch, "_WAITS", 2)
    monkeypatch.setattr(patience, "_ANSWER_PATIENCE", 0.1)
    (tmp_path / names[5]).unlink()
    fetcher = Fetcher(str(tmp_path), {}, 1000)
    for at in range(10):
        if at == 5:
            with pytest.raises(UnavailableError, match=r"5\.bin cannot be read .*it was there when"):
                fetcher.fetch(names, at)
        else:
            assert len(fetcher.fetch(names, at)) == at + 1
    fetcher.close()


@pytest.mark.parametrize(
    "code", [errno.ENOENT, errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EMFILE, errno.ETIMEDOUT]
)
def test_whatever_passes_within_the_patience_costs_nothing(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    plain, failures = os.open, iter(range(3))

    def failing(path: str, flags: int) -> int:
        if next(failures, None) is not None:
            raise OSError(code, os.strerror(code), path)
        return plain(path, flags)

    monkeypatch.setattr(os, "open", failing)
    assert Fetcher(str(tmp_path), {}, 1000).fetch(names, 7) == b"\7" * 8


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ENODEV])
def test_whatever_does_not_pass_is_a_fault_and_no_reject(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def failing(path: str, flags: int) -> int:
        raise OSError(code, os.strerror(code), path)

    for name in ("_PATIENCE", "_ANSWER_PATIENCE"):
        monkeypatch.setattr(patience, name, 0.3)
    monkeypatch.setattr(os, "open", failing)
    fetcher = Fetcher(str(tmp_path), {}, 1000)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=re.escape(os.strerror(code))):
        fetcher.fetch(names, 0)
    first = time.monotonic() - began
    assert first >= 0.3
    monkeypatch.setattr(patience, "_PATIENCE", 1000.0)
    monkeypatch.setattr(patience, "_ANSWER_PATIENCE", 1000.0)
    with pytest.raises(UnavailableError):
        fetcher.fetch(names, 1)  # after one that failed for so long, no other is waited for as long


@pytest.mark.parametrize("given", [1, 7, 1000])
def test_a_file_that_comes_in_pieces_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int
) -> None:
    content = bytes(range(256)) * 2
    (tmp_path / "pieces.bin").write_bytes(content)
    plain = os.read
    monkeypatch.setattr(os, "read", lambda file, most: plain(file, min(most, given)))
    assert Fetcher(str(tmp_path), {}, 1000).fetch(["pieces.bin"], 0) == content


def test_a_short_read_is_a_fault_and_no_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.bin").write_bytes(bytes(500))
    plain, asked = os.read, iter((300,))
    monkeypatch.setattr(patience, "_PATIENCE", 0.1)
    monkeypatch.setattr(os, "read", lambda file, most: plain(file, next(asked, 0)))
    with pytest.raises(UnavailableError, match="bytes came, not 500"):
        Fetcher(str(tmp_path), {}, 1000).fetch(["short.bin"], 0)


def test_files_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_ANSWER_PATIENCE", 0.1)
    (tmp_path / "large.bin").write_bytes(bytes(100_000))
    (tmp_path / "folder").mkdir()
    fetcher = Fetcher(str(tmp_path), {}, 5000)  # 80,000 bytes at most
    for name, error in (("large.bin", RejectedError), ("folder", UnavailableError)):
        free = os.open(tmp_path, os.O_RDONLY)
        os.close(free)
        with pytest.raises(error):
            fetcher.fetch([name], 0)
        again = os.open(tmp_path, os.O_RDONLY)
        os.close(again)
        assert again == free  # the lowest number that is free


class TestRemote:
    """Remote files take one request each, unless they are large."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Return the requests that are made of the file system."""
        found: list[str] = []
        for call in ("cat_file", "info"):
            plain = getattr(MemoryFileSystem, call)

            def noted(system: Any, path: str, plain: Any = plain, call: str = call, **how: Any) -> Any:
                found.append(call)
                return plain(system, path, **how)

            monkeypatch.setattr(MemoryFileSystem, call, noted)
        return found

    @pytest.fixture
    def data(self, tmp_path: Path) -> str:
        system = fsspec.filesystem("memory")
        for name, size in (("a", 0), ("b", 1), ("c", 999), ("d", 1000), ("e", 5000), ("f", 20_000)):
            system.pipe_file(f"/{tmp_path.name}/{name}.bin", (bytes(range(250)) * 80)[:size])
        return f"memory://{tmp_path.name}"

    @pytest.mark.parametrize(
        ("name", "size", "requests"),
        [("a", 0, 2), ("b", 1, 1), ("c", 999, 1), ("d", 1000, 2), ("e", 5000, 3)],
    )
    def test_one_request_for_a_small_file(
        self, data: str, asked: list[str], monkeypatch: pytest.MonkeyPatch, name: str, size: int, requests: int
    ) -> None:
        monkeypatch.setattr(fetch, "_AT_FIRST", 1000)
        with contextlib.closing(Fetcher(data, {}, 1000)) as fetcher:
            assert fetcher.fetch([f"{name}.bin"], 0) == (bytes(range(250)) * 80)[:size]
        assert len(asked) == requests

    def test_a_file_too_large_is_refused_before_it_is_read(
        self, data: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetch, "_AT_FIRST", 1000)
        with (
            contextlib.closing(Fetcher(data, {}, 1000)) as fetcher,
            pytest.raises(RejectedError, match="too_large: 20000"),
        ):
            fetcher.fetch(["f.bin"], 0)
        assert asked == ["cat_file", "info"]

    def test_fewer_large_files_are_read_ahead(self, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fetch, "_AHEAD_BYTES", 32 * 1000)
        with contextlib.closing(Fetcher(data, {}, 10_000)) as fetcher:
            names = [f"many/{number}" for number in range(80)]
            system = fsspec.filesystem("memory")
            for number, name in enumerate(names):
                system.pipe_file(f"/{data.removeprefix('memory://')}/{name}", bytes(4000 if number < 6 else 100))
            fetcher.fetch(names, 0)
            assert len(fetcher._fetched) == 31  # what is usual is not known yet
            fetcher.fetch(names, 1)
            assert len(fetcher._fetched) == 30  # of 4,000 bytes no more than eight would be begun
            for at in range(2, 50):
                fetcher.fetch(names, at)
            assert len(fetcher._fetched) > 23  # small ones again
