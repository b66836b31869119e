"""Ctrl-C is an interruption, even as another error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from builder.errors import INTERRUPTED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

COMMAND = """
import os, signal, sys, types
signal.signal(signal.SIGINT, signal.default_int_handler)

def main():
    if {press}:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            pass
    raise ImportError("numpy.core.multiarray failed to import")

sys.modules["builder.cli"] = types.SimpleNamespace(main=main)
from builder.__main__ import run
run()
"""


def run(press: bool) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND.format(press=press)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=60)


def test_an_error_that_ctrl_c_became() -> None:
    done = run(press=True)
    assert (done.returncode, done.stdout) == (INTERRUPTED, "")
    assert done.stderr == "\ninterrupted; run the same command again\n"


def test_the_same_error_without_ctrl_c() -> None:
    done = run(press=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ImportError: numpy.core.multiarray failed to import\n")
