"""One-line reports of exceptions in source adapters.

They name the adapter, the place in its code, and the file and row.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from builder.errors import UserError
from builder.sources.base import Source
from builder.sources.common.folder import Folder, LayoutError


class AdapterError(UserError):
    """A bug in an adapter, or an unknown file."""


@contextlib.contextmanager
def blamed(source: Source, folder: Folder) -> Iterator[None]:
    """Convert exceptions of ``images(folder)`` into one-line adapter errors.

    Errors that the source reports itself pass through unchanged.

    Raises
    ------
    AdapterError
        Its cause is the exception.
    """
    try:
        yield
    except (LayoutError, UserError, OSError, MemoryError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        raise AdapterError(
            f"{source.dir_name}: its adapter fails in {_line(source, error)}{_place(folder)} ({text}): "
            "it does not know what lies there, or has a bug; the run log has the traceback"
        ) from error


def _line(source: Source, error: Exception) -> str:
    """Return file and line of the adapter's innermost frame.

    Without such a frame, the innermost of all counts.
    """
    calls = traceback.extract_tb(error.__traceback__)
    file = getattr(sys.modules.get(source.images.__module__), "__file__", None)
    call = next((call for call in reversed(calls) if call.filename == file), calls[-1])
    return f"{Path(call.filename).name}:{call.lineno}"


def _place(folder: Folder) -> str:
    path, line = folder.place
    return f" at {folder.root}/{path}{f', line {line}' if line else ''}" if path else f" in {folder.root}"
