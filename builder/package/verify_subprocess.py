"""``verify`` in a process of its own.

A package that ends that process is a finding, and never ends the caller.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from multiprocessing.connection import Connection
from typing import Final

from builder import interrupt
from builder.engine.memory import headroom
from builder.engine.pools import exit_text, how_it_ended
from builder.engine.space import readable
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.problem import Problem
from builder.package.verify import Findings, check
from cytoimagenet_reader.layout import MANIFEST

_ENOUGH: Final = 1 << 30  # bytes: no file of a package takes more


def verify_in_subprocess(package: Store | str, deep: bool = False, workers: int = 1) -> list[Problem]:
    """Return what ``verify`` does, see `check_in_subprocess`."""
    return check_in_subprocess(package, deep, workers).problems


def check_in_subprocess(package: Store | str, deep: bool = False, workers: int = 1) -> Findings:
    """Run ``check`` in a process of its own.

    Where that process ends of its own doing, with memory enough, the result is a finding about the file that it was at.

    Raises
    ------
    UserError
        As ``check`` does, and where memory ran out or the process was killed: that says nothing of the package.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(theirs, package, deep, workers), name="verify")
    with interrupt.held():
        child.start()
    theirs.close()
    at, left, found, started = MANIFEST, headroom(), None, False
    try:
        with contextlib.suppress(EOFError):
            while found is None:
                kind, value = ours.recv()
                started = True
                if kind == "at":
                    at, left = value
                elif kind == "error":
                    error, text = value
                    raise error from (None if isinstance(error, UserError) else RuntimeError(text))
                else:
                    found = value
        child.join()
    finally:
        if child.is_alive():
            child.terminate()
            child.join()
    if found is None and not started and (child.exitcode or 0) > 0:
        raise UserError(
            f"the process that checks the package did not start ({exit_text(child.exitcode)}, its output is above): "
            f"in a script, call this below `if __name__ == '__main__':`; else give it {readable(_ENOUGH)} of memory"
        )
    if found is None:
        return Findings([_what_ended(child.exitcode, at, left)], [])
    findings: Findings = found
    return findings


def _what_ended(code: int | None, at: str, left: int | None) -> Problem:
    """Return the finding about the file that ended the process.

    Raises
    ------
    UserError
        Where it was no file: libraries that are short of memory end a process as well.
    """
    failure, how = how_it_ended(code)
    if failure == "crashed" and (code or 0) < 0 and (left is None or left >= _ENOUGH):
        return Problem(at, f"is malformed: it ended the process that checked it ({how})")
    had = "" if left is None else f", {readable(left)} left before it"
    raise UserError(
        f"memory ran out at {at}, or something else ended the process that checked it ({how}{had}): "
        f"give it {readable(_ENOUGH)} or more (the limit of the container, ulimit -v) and run the same command again"
    )


def _run(answer: Connection, package: Store | str, deep: bool, workers: int) -> None:
    try:
        found = check(package, deep, workers, on_file=lambda path: answer.send(("at", (path, headroom()))))
    except Exception as error:  # noqa: BLE001 -- the caller raises it
        answer.send(("error", (error, traceback.format_exc())))
    else:
        answer.send(("found", found))
