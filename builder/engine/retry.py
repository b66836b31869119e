"""Retries of transient failures of a remote file system.

Both its calls and reads of open files are tried again.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any, BinaryIO, Final, TypeVar

from builder.errors import UserError
from cytoimagenet_reader.retry import GaveUpError, Limits, retry

T = TypeVar("T")

PATIENCE: Final = float(os.environ.get("CYTOIMAGENET_PATIENCE", "120"))  # seconds after which no attempt begins
NO_SUCH_FILE: Final = (FileNotFoundError, IsADirectoryError, NotADirectoryError)  # answers, not failures

_LIMITS: Final = Limits(seconds=PATIENCE, first_wait=0.5, longest_wait=16.0)
_ANSWERS: Final = (*NO_SUCH_FILE, FileExistsError, TypeError, UserError)


class StoreError(UserError):
    """A file system that keeps failing after several attempts."""


def retry_store(what: str, call: Callable[[], T]) -> T:
    """Return ``call()``, retried while the network or server fails.

    The waits between attempts grow.

    Raises
    ------
    StoreError
        After two minutes (``CYTOIMAGENET_PATIENCE`` seconds), or at once for what waiting would not change.
        FileNotFoundError and its like come through: they are answers.
    """
    try:
        return retry(call, _LIMITS)
    except GaveUpError as gave_up:
        raise _failed(what, gave_up.last) from gave_up.last
    except PermissionError as error:
        raise StoreError(f"{what} is not allowed ({error}): check the credentials") from error
    except _ANSWERS:
        raise
    except Exception as error:  # each file system has errors of its own, without a common base
        raise _failed(what, error) from error


def _failed(what: str, error: BaseException) -> StoreError:
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    return StoreError(f"{what} fails ({text}); run the same command again when it answers")


class RetryingFile(io.RawIOBase):
    """A remote file, open for reading, that retries failed reads."""

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
        """Return up to ``size`` bytes, or the rest for -1.

        Fewer are returned only at the end.
        """
        place = self._file.tell()

        def attempt() -> bytes:
            self._file.seek(place)
            return self._file.read(-1 if size is None else size)

        return retry_store(self._what, attempt)

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
