"""Ctrl-C, remembered: what fails because of it is an interruption, whatever error it became on its way."""

from __future__ import annotations

import signal
from types import FrameType

_pressed = False


def _interrupt(signum: int, frame: FrameType | None) -> None:
    global _pressed
    _pressed = True
    raise KeyboardInterrupt


def watch() -> None:
    """Remember from now on whether Ctrl-C was pressed; does nothing where SIGINT is ignored.

    C code that imports a module or calls back turns KeyboardInterrupt into an error of its own now and then.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def pressed() -> bool:
    """Return whether Ctrl-C was pressed."""
    return _pressed
