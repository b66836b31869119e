"""An exception in a source's adapter, said in one line: which adapter, where in its code, at which file and row."""

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
    """A bug of an adapter, or a file that it does not know."""


@contextlib.contextmanager
def blamed(source: Source, folder: Folder) -> Iterator[None]:
    """Turn exceptions of a source's ``images(folder)`` into one line; what it says itself goes through as it is.

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
    """Return file and line of the adapter's innermost call, or of the innermost of all."""
    calls = traceback.extract_tb(error.__traceback__)
    file = getattr(sys.modules.get(source.images.__module__), "__file__", None)
    call = next((call for call in reversed(calls) if call.filename == file), calls[-1])
    return f"{Path(call.filename).name}:{call.lineno}"


def _place(folder: Folder) -> str:
    path, line = folder.place
    return f" at {folder.root}/{path}{f', line {line}' if line else ''}" if path else f" in {folder.root}"
