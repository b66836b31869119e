"""Ctrl-C, remembered.

What fails because of it is an interruption, whatever error it became on its way.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

_pressed = False


def _interrupt(signum: int, frame: FrameType | None) -> None:
    global _pressed
    _pressed = True
    raise KeyboardInterrupt


def watch() -> None:
    """Start recording whether Ctrl-C was pressed.

    Does nothing where SIGINT is ignored. C code that imports a module or calls back turns KeyboardInterrupt into an
    error of its own now and then.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def pressed() -> bool:
    """Return whether Ctrl-C was pressed."""
    return _pressed


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C back while the block runs.

    Processes and threads that are started in it inherit that SIGINT is blocked: a worker that is still importing
    modules would end with a traceback. Ctrl-C reaches the parent, which ends its workers.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it, as the first process would, unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
