"""Verification in its own process, and failures of processes."""

from __future__ import annotations

import errno
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builder.errors import UserError
from builder.package import verify_subprocess
from builder.package.problem import Problem
from builder.package.verify import verify

SHARD = "data/compound/train-00000-of-00002.arrow"


def test_a_file_that_ends_the_process_is_a_problem(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_subprocess, "_run", functools.partial(_end_at_a_shard, signal.SIGSEGV, 1 << 31))
    assert verify_subprocess.verify_in_subprocess(str(package)) == [
        Problem(SHARD, "is malformed: it ended the process that checked it (ended by SIGSEGV)")
    ]


def test_where_no_processes_can_be_had_files_are_checked_one_after_another(
    package: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:  # as with a /dev/shm that cannot be written to
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refuse)
    (package / SHARD).write_bytes((package / SHARD).read_bytes()[:-100])
    assert verify(str(package), workers=2) == verify(str(package)) != []
    assert "no processes can be started (Read-only file system)" in caplog.text


@pytest.mark.parametrize(("ending", "left"), [(signal.SIGKILL, 1 << 31), (signal.SIGABRT, 1 << 28), (None, 1 << 31)])
def test_memory_that_runs_out_says_nothing_of_a_package(
    package: Path, monkeypatch: pytest.MonkeyPatch, ending: signal.Signals | None, left: int
) -> None:
    """The kernel kills, C++ aborts, and OpenBLAS exits with 1."""
    monkeypatch.setattr(verify_subprocess, "_run", functools.partial(_end_at_a_shard, ending, left))
    with pytest.raises(UserError, match=f"memory ran out at {SHARD}, .* give it 1.1 GB or more"):
        verify_subprocess.verify_in_subprocess(str(package))


def test_a_script_without_a_main_guard_is_told_so(package: Path, tmp_path: Path) -> None:
    """The checking process imports the script, which starts another."""
    script = tmp_path / "script.py"
    script.write_text(
        f"from builder.package.verify_subprocess import verify_in_subprocess\nverify_in_subprocess({str(package)!r})\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=600)
    last = ended.stderr.splitlines()[-1]
    assert "did not start (exit code 1" in last
    assert "if __name__ == '__main__':" in last


def _end_at_a_shard(ending: signal.Signals | None, left: int, answer: Any, *_: object) -> None:
    answer.send(("at", (SHARD, left)))
    if ending is None:
        os._exit(1)
    os.kill(os.getpid(), ending)


def test_in_a_subprocess_the_same_is_found(package: Path) -> None:
    (package / SHARD).write_bytes((package / SHARD).read_bytes()[:-100])
    assert verify_subprocess.verify_in_subprocess(package.as_posix()) == verify(str(package))
    with pytest.raises(UserError, match=r"no manifest\.json"):
        verify_subprocess.verify_in_subprocess(str(package.parent))
