"""One build at a time in a work folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from builder.engine.store import Store
from builder.errors import UserError


@contextmanager
def locked(work: Store) -> Iterator[None]:
    """Lock a local work folder while the block runs.

    The system releases the lock if the process dies.

    Raises
    ------
    UserError
        Where another process holds it.
    """
    folder = work.local("")
    if folder is None:  # object stores have no locks; builds of the same inputs write the same bytes there
        yield
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(Path(folder) / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise UserError(f"another build works in {work.url}; wait for it, or name another folder with --work") from None
    try:
        yield
    finally:
        lock.release()
