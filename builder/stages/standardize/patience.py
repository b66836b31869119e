"""Patience with unreadable files: retries, then a fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from builder.engine.retry import NO_SUCH_FILE, PATIENCE, StoreError
from builder.errors import UnavailableError
from cytoimagenet_reader.retry import Limits, retry

T = TypeVar("T")

_PATIENCE = PATIENCE
_ANSWER_PATIENCE = min(10.0, _PATIENCE)  # for what is an answer: a mount that comes back, a file being replaced
_ANSWERS = (*NO_SUCH_FILE, PermissionError)
_SECOND_LOOK = 0.5  # seconds: for files after one that failed for so long, until one can be read again

_out_of_patience = False


def retry_read(what: str, call: Callable[[], T]) -> T:
    """Return a listed file's content, retrying on failures.

    Failures of every kind that the machine may cause are retried.

    Raises
    ------
    UnavailableError
        After two minutes (``CYTOIMAGENET_PATIENCE`` seconds), ten seconds for an answer such as "no such file". Files
        after it are asked for twice only, until one can be read.
    """
    global _out_of_patience
    began = time.monotonic()

    def is_worth_it(error: BaseException) -> bool:
        if not isinstance(error, OSError | EOFError):
            return False
        patience = _ANSWER_PATIENCE if isinstance(error, _ANSWERS) else _PATIENCE
        return time.monotonic() - began < (_SECOND_LOOK if _out_of_patience else patience)

    try:
        content = retry(call, Limits(first_wait=0.2, longest_wait=8.0), retried=is_worth_it)
    except (OSError, EOFError) as error:
        _out_of_patience = True
        how = getattr(error, "strerror", None) or str(error)
        gone = ", though it was there when its folder was listed" if isinstance(error, FileNotFoundError) else ""
        raise UnavailableError(f"{what} cannot be read ({type(error).__name__}: {how}){gone}") from None
    except StoreError as error:  # the store's own patience is at its end
        _out_of_patience = True
        raise UnavailableError(str(error)) from None
    _out_of_patience = False
    return content


def whole(content: bytes, size: int) -> bytes:
    """Return a file's content if its size is as stated.

    The file system states ``size``.
    """
    if len(content) != size:
        raise EOFError(f"{len(content)} bytes came, not {size}")
    return content
