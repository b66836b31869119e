"""Ctrl-C, remembered.

What fails because of it is an interruption, whatever error it became on its way.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

_AGAIN = 0.02  # seconds
_MOST_PUT_OFF = 250  # times: five seconds, should an import wait for something that does not come
_REPEAT = 15.0  # seconds, in which what has to be closed is closed

_pressed = False
_put_off = 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, repeatedly, but not while importing.

    Some libraries swallow it while they import others: what goes on then would not know that it should end. Within the
    import system it could leave locks taken, on which other threads that import would wait for ever.
    """
    global _pressed, _put_off
    _pressed = True
    waits = _is_importing(frame) and _put_off < _MOST_PUT_OFF and hasattr(signal, "setitimer")
    _put_off = _put_off + 1 if waits else 0
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, _AGAIN if waits else _REPEAT)
    if not waits:
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib")


def _unraised(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat a Ctrl-C that came where nothing can be raised.

    That is in a finalizer, or in what is called when an object of a weak reference goes.
    """
    if unraisable.exc_type is KeyboardInterrupt and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(unraisable)


def watch() -> None:
    """Start recording whether Ctrl-C was pressed.

    Does nothing where SIGINT is ignored. C code that imports a module or calls back turns KeyboardInterrupt into an
    error of its own now and then.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, _interrupt)
            sys.unraisablehook = _unraised


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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
