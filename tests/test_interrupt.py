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
    raise {error}

sys.modules["builder.cli"] = types.SimpleNamespace(main=main)
from builder.__main__ import run
run()
"""


def run(
    press: bool, error: str = 'ImportError("numpy.core.multiarray failed to import")'
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND.format(press=press, error=error)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=60)


def test_an_error_that_ctrl_c_became() -> None:
    done = run(press=True)
    assert (done.returncode, done.stdout) == (INTERRUPTED, "")
    assert done.stderr == "\ninterrupted; run the same command again\n"


def test_the_same_error_without_ctrl_c() -> None:
    done = run(press=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ImportError: numpy.core.multiarray failed to import\n")


IMPORTING = """
import signal, time
from builder import interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupt.watch()
imported = {"signal": signal, "lock": "taken"}
statements = "signal.raise_signal(signal.SIGINT); lock = 'released'"
exec(compile(statements, "<frozen importlib._bootstrap>", "exec"), imported)
print(imported["lock"], interrupt.pressed())
try:
    time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_within_the_import_system_waits_until_python_is_out_of_it() -> None:
    command = [sys.executable, "-c", IMPORTING]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1], timeout=60
    )
    assert (done.stdout.splitlines(), done.stderr) == (["released True", "interrupted"], "")


SWALLOWED = """
import signal, time
from builder import interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupt._REPEAT = 0.5
interrupt.watch()
try:
    signal.raise_signal(signal.SIGINT)
except BaseException:
    print("swallowed", flush=True)
time.sleep(30)
"""


def test_ctrl_c_that_a_library_swallows_comes_again() -> None:
    command = [sys.executable, "-c", SWALLOWED]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1], timeout=20
    )
    assert done.stdout == "swallowed\n"
    assert done.stderr.endswith("KeyboardInterrupt\n")


def test_what_click_takes_while_it_reads_arguments_is_an_interruption() -> None:
    done = run(press=True, error="SystemExit(1)")  # after "Aborted!"
    assert done.returncode == INTERRUPTED
    assert done.stderr.splitlines()[-1] == "interrupted; run the same command again"
    assert run(press=False, error="SystemExit(1)").returncode == 1
    assert run(press=True, error="SystemExit(0)").returncode == 0


FINALIZED = """
import signal, time, weakref
from builder import interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupt.watch()

class Held:
    pass

held = Held()
reference = weakref.ref(held, lambda _: signal.raise_signal(signal.SIGINT))
try:
    del held
    for _ in range(600):
        time.sleep(0.1)
    print("it went on")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_while_an_object_goes_is_raised_soon_after() -> None:
    """In a finaliser Python can raise nothing.

    It would print a traceback and go on.
    """
    done = subprocess.run(
        [sys.executable, "-c", FINALIZED], capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=120
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
