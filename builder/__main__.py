"""The command's first line: ``cytoimagenet`` and ``python -m builder``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from builder import interrupt
from builder.errors import INTERRUPTED, unloadable


def run() -> None:
    """Run the command line and exit, skipping C++ exit handlers.

    pyarrow 26 now and then aborts a process that has read Parquet while it shuts down its threads (exit 134, after
    all work is done). Everything of ours is closed by then: files, locks, pools and the run log are context managers.
    """
    code: object = 0
    interrupt.watch()
    try:
        _main()()
    except SystemExit as done:
        code = done.code
    except (KeyboardInterrupt, Exception):
        if not interrupt.pressed():
            raise
        print("\ninterrupted; run the same command again", file=sys.stderr)
        code = INTERRUPTED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


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
