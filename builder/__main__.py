"""The command's first line: ``cytoimagenet`` and ``python -m builder``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

from builder import interrupt
from builder.engine.memory import address_limit
from builder.errors import FAILED, INTERRUPTED, unloadable

_LEAST: Final = 1 << 30  # bytes of address space; 700 MB were enough where this was tried
_AMPLE: Final = 1 << 33


def run() -> None:
    """Run the command line and exit, skipping C++ exit handlers.

    pyarrow 26 now and then aborts a process that has read Parquet while it shuts down its threads (exit 134, after
    all work is done). Everything of ours is closed by then: files, locks, pools and the run log are context managers.
    """
    code: object = 0
    interrupt.watch()
    try:
        _check_memory()
        _main()()
    except SystemExit as done:
        code = done.code
        if interrupt.pressed() and code not in (0, None, INTERRUPTED):  # click took it, while it read the arguments
            print("interrupted; run the same command again", file=sys.stderr)
            code = INTERRUPTED
    except (KeyboardInterrupt, Exception):
        if not interrupt.pressed():
            raise
        print("\ninterrupted; run the same command again", file=sys.stderr)
        code = INTERRUPTED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _check_memory() -> None:
    """End where memory is too small for the libraries.

    They would end the process themselves, in words of their own, or send it a SIGINT (OpenBLAS). Where it is merely
    small, they are kept to one thread, which takes eight megabytes and more of it each, and pyarrow to the allocator of
    the system: its own reserves a gigabyte at once, and what is loaded later does not fit.

    Raises
    ------
    SystemExit
        With one line.
    """
    limit = address_limit()
    if limit is None or {"-h", "--help", "--version"} & {*sys.argv}:
        return
    if limit < _LEAST:
        print(f"Error: {limit >> 20} MB of memory are too little (ulimit -v): raise that limit to "
              f"{_LEAST >> 20} MB or more, {2 * _LEAST >> 20} for a build", file=sys.stderr)  # fmt: skip
        raise SystemExit(FAILED)
    if limit < _AMPLE:
        from builder.engine.worker import THREAD_LIMITS

        for name in THREAD_LIMITS:
            os.environ.setdefault(name, "1")
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _main() -> Callable[[], object]:
    """Load and return the command line.

    Loading takes half a second, in which Ctrl-C may be pressed as well.

    Raises
    ------
    SystemExit
        With one line, where a library cannot be loaded: with little memory its loader says that it cannot be found.
    """
    try:
        from builder.cli import main
    except (ImportError, OSError, MemoryError) as error:
        if interrupt.pressed():
            raise
        print(f"Error: {unloadable(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    return main


if __name__ == "__main__":
    run()
