"""Retry limits for requests and the errors of failed ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from cytoimagenet_reader.errors import PackageError, ShardError
from cytoimagenet_reader.retry import GaveUpError, Limits, is_transient, retry

T = TypeVar("T")

LIMITS = Limits(attempts=6, first_wait=0.2, longest_wait=30.0)


def retrying(call: Callable[[], T], url: str, stopped: threading.Event | None = None) -> T:
    """Return ``call()``, retried within ``LIMITS``.

    Raises
    ------
    ShardError
        Where it fails in the end, with the URL and the number of attempts. FileNotFoundError, PermissionError and
        PackageError come through as they are.
    """
    try:
        return retry(call, LIMITS, retried=_passing, stopped=stopped)
    except GaveUpError as error:
        raise ShardError(f"{url}: {error}") from error.last
    except (FileNotFoundError, PermissionError, PackageError, ShardError):
        raise
    except Exception as error:
        raise ShardError(f"{url}: {type(error).__name__}: {error}") from error


def _passing(error: BaseException) -> bool:
    """Return whether a failure may pass.

    One that was retried does not.
    """
    return not isinstance(error, ShardError) and is_transient(error)
