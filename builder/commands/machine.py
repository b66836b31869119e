"""One-line explanations of machine faults and their remedies."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from builder.engine.run import TaskError
from builder.errors import unloadable

_HINTS = {
    errno.ENOSPC: "free some space there, or name another place (--work, -o, TMPDIR)",
    errno.EDQUOT: "free some space there, or name another place (--work, -o, TMPDIR)",
    errno.EROFS: "name a place that can be written to (--work, -o, TMPDIR)",
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EMFILE: "more files are needed than may be open: raise that limit (ulimit -n 1024) or use fewer --workers",
    errno.ENFILE: "more files are open than the system allows: end other programs, or use fewer --workers",
    errno.ENOMEM: "give it more memory, or use fewer --workers",
    errno.EAGAIN: "more processes or threads are needed than may run: raise ulimit -u, or use fewer --workers",
    errno.EIO: "the disk or its network fails: fix that",
    errno.ENOTDIR: "name a folder",
    errno.EISDIR: "name a file",
    errno.ENOENT: "name one that exists",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "remove the link that leads to itself",
}
_NO_MEMORY = "memory ran out: give it more (the limit of the container, ulimit -v), or use fewer --workers"

_LIBRARY = "shared object file"  # as llvmlite names it
_NO_THREAD = ("can't start new thread", "Failed to launch worker thread")  # Python's words, and Arrow's
_NO_ROOM = os.strerror(errno.ENOMEM)  # pyarrow says it in words alone


def explained(error: BaseException) -> str | None:
    """Return a machine fault in one line, or None.

    None stands for anything else, which is a bug.
    """
    for cause in _causes(error):
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and _NO_ROOM in str(cause)):
            return _NO_MEMORY
        if isinstance(cause, ImportError) or (isinstance(cause, OSError) and _LIBRARY in str(cause)):
            return unloadable(cause)
        if any(text in str(cause) for text in _NO_THREAD):
            return f"no thread can be started: {_HINTS[errno.EAGAIN]}"
        if isinstance(cause, OSError) and cause.errno in _HINTS:
            where = f"{cause.filename}: " if cause.filename else ""
            return f"{where}{cause.strerror}; {_HINTS[cause.errno]}, then run the same command again"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and, for a task error, its cause."""
    yield error
    while isinstance(error, TaskError) and error.__cause__ is not None:
        error = error.__cause__
        yield error
