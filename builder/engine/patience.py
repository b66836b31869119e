"""What fails for a while is asked for again: calls of a remote file system, and reads of a file open there."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from builder.errors import UserError

T = TypeVar("T")

# Answers, not failures of the way there: asking again would give the same.
_FINAL = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    FileExistsError,
    TypeError,
    UserError,
)
_PATIENCE = float(os.environ.get("CYTOIMAGENET_PATIENCE", "120"))  # seconds after which no further attempt begins
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 16.0


class StoreError(UserError):
    """A file system that does not answer, or answers with errors, after several attempts."""


def patiently(what: str, call: Callable[[], T]) -> T:
    """Return ``call()``, tried again with growing pauses while the network or the server fails.

    Raises
    ------
    StoreError
        After two minutes (``CYTOIMAGENET_PATIENCE`` seconds). FileNotFoundError and its like come through at once.
    """
    began, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        try:
            return call()
        except PermissionError as error:
            raise StoreError(f"{what} is not allowed ({error}): check the credentials") from error
        except _FINAL:
            raise
        except Exception as error:  # each file system has errors of its own, without a common base
            if time.monotonic() - began + pause > _PATIENCE:
                text = f"{type(error).__name__}: {error}".splitlines()[0]
                raise StoreError(f"{what} fails ({text}); run the same again when it answers") from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


class PatientFile(io.RawIOBase):
    """A file of a remote store, open for reading, that asks again where a read fails."""

    def __init__(self, what: str, file: BinaryIO) -> None:
        self._what, self._file = what, file

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        """Return so many bytes, fewer at the end; all that follow for -1."""
        place = self._file.tell()

        def attempt() -> bytes:
            self._file.seek(place)
            return self._file.read(-1 if size is None else size)

        return patiently(self._what, attempt)

    def readall(self) -> bytes:
        """Return all that follow."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return how many bytes there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
