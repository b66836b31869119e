"""``verify`` in a process of its own.

A package that ends that process is a finding, and never ends the caller.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from multiprocessing.connection import Connection

from builder import interrupt
from builder.engine.pools import exit_text
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.problem import Problem
from builder.package.verify import Findings, check
from cytoimagenet_reader.layout import MANIFEST


def verify_apart(package: Store | str, deep: bool = False, workers: int = 1) -> list[Problem]:
    """Return what ``verify`` does, see `check_apart`."""
    return check_apart(package, deep, workers).problems


def check_apart(package: Store | str, deep: bool = False, workers: int = 1) -> Findings:
    """Run ``check`` in a process of its own.

    Where that process ends, the result is a finding about the file that it was at.

    Raises
    ------
    UserError
        As ``check`` does.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(theirs, package, deep, workers), name="verify")
    with interrupt.held():
        child.start()
    theirs.close()
    at, found = MANIFEST, None
    try:
        with contextlib.suppress(EOFError):
            while found is None:
                kind, value = ours.recv()
                if kind == "at":
                    at = value
                elif kind == "error":
                    raise UserError(value)
                else:
                    found = value
        child.join()
    finally:
        if child.is_alive():
            child.terminate()
            child.join()
    if found is None:
        how = exit_text(child.exitcode)
        what = f"ended the process that checked it ({how}): it is malformed, or memory ran out"
        return Findings([Problem(at, what)], [])
    findings: Findings = found
    return findings


def _run(answer: Connection, package: Store | str, deep: bool, workers: int) -> None:
    try:
        found = check(package, deep, workers, on_file=lambda path: answer.send(("at", path)))
    except UserError as error:
        answer.send(("error", str(error)))
    else:
        answer.send(("found", found))
