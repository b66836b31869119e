"""Retries of transient failures, for the reader and builder alike.

This is the one list of what is transient.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import tenacity

T = TypeVar("T")

_ANSWERS: Final = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    ssl.SSLCertVerificationError,
)
"""What a disk or server says about a file or itself: asking again would give the same."""

_LASTING: Final = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
)
"""Error numbers that waiting does not change: no space, a path or size that cannot be."""

_TRANSIENT_STATUS: Final = frozenset((408, 425, 429, *range(500, 600))) - {501, 505, 507, 508, 510, 511}
"""Too early, too many requests, and faults of a server; except what it cannot do, or has no storage for."""

_NETWORK_LIBRARIES: Final = frozenset(
    (
        "aiobotocore",
        "aiohttp",
        "asyncio",
        "azure",
        "botocore",
        "fsspec",
        "gcsfs",
        "http",
        "httpcore",
        "httpx",
        "httpx2",
        "requests",
        "s3fs",
        "urllib3",
    )
)


@dataclasses.dataclass(frozen=True)
class Limits:
    """How often, and how long, something is tried.

    Parameters
    ----------
    attempts : most attempts; None for no limit
    seconds : after which no further attempt begins; None for no limit
    first_wait : seconds before the second attempt; each further wait is twice the last
    longest_wait : seconds
    """

    attempts: int | None = None
    seconds: float | None = None
    first_wait: float = 0.5
    longest_wait: float = 16.0

    def wait(self, attempts: int, failure: BaseException) -> float:
        """Return the seconds to wait after ``attempts`` attempts.

        It is twice the last wait, or what the server asks for.
        """
        asked = _asked_wait(failure)
        return min(self.first_wait * 2 ** (attempts - 1) if asked is None else asked, self.longest_wait)


class GaveUpError(Exception):
    """Failure after the retry limits were reached.

    ``__cause__`` is the last failure, ``attempts`` how many there were.
    """

    def __init__(self, attempts: int, last: BaseException) -> None:
        super().__init__(f"{type(last).__name__}: {last} (tried {attempts} times)")
        self.attempts = attempts
        self.last = last


def retry(
    call: Callable[[], T],
    limits: Limits,
    *,
    retried: Callable[[BaseException], bool] | None = None,
    wait: Callable[[int, BaseException], float] | None = None,
    stopped: threading.Event | None = None,
) -> T:
    """Return ``call()``, retried with growing waits while it fails transiently.

    Parameters
    ----------
    retried : whether a failure is worth another attempt; ``is_transient`` by default
    wait : seconds before the next attempt, given how many there were and the last failure; by default ``limits``
        decide, or what the server asks for (``Retry-After``), up to ``longest_wait``
    stopped : when set, no further attempt begins, and a wait ends at once

    Raises
    ------
    GaveUpError
        Where the limits were reached or ``stopped`` was set. Any failure that is not retried comes through as it is.
    """
    retried = retried or is_transient
    stops: list[Any] = []
    if limits.attempts is not None:
        stops.append(tenacity.stop_after_attempt(limits.attempts))
    if limits.seconds is not None:
        stops.append(tenacity.stop_before_delay(limits.seconds))
    if stopped is not None:
        stops.append(tenacity.stop_when_event_set(stopped))

    def seconds(state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if failure is None:
            return 0.0
        return (wait or limits.wait)(state.attempt_number, failure)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(retried),
        stop=tenacity.stop_any(*stops) if stops else tenacity.stop_never,
        wait=seconds,
        sleep=tenacity.sleep_using_event(stopped) if stopped is not None else tenacity.nap.sleep,
    )
    try:
        return retrying(call)
    except tenacity.RetryError as error:
        last = error.last_attempt.exception()
        if last is None:
            raise
        raise GaveUpError(error.last_attempt.attempt_number, last) from last


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may succeed later.

    It may after a lost connection, a timeout, or an answer that says so. What a thread or a client wrapped ("Error
    while uploading ...") is judged by its cause. Libraries for HTTP and object stores have no base class in common, so
    errors without a status are judged by the library they come from.
    """
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    status = status_of(error)
    if status is not None:
        return status in _TRANSIENT_STATUS
    if isinstance(error, _ANSWERS) or not isinstance(error, Exception):
        return False
    if isinstance(error, OSError):
        return error.errno not in _LASTING
    if isinstance(error, EOFError | json.JSONDecodeError):  # an answer that was cut
        return True
    return type(error).__module__.split(".")[0] in _NETWORK_LIBRARIES


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error, or None."""
    response = getattr(error, "response", None)
    found: Any
    if isinstance(response, dict):  # botocore
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        found = getattr(error, "status", None) or getattr(error, "status_code", None)
        found = found or getattr(response, "status_code", None)
    return found if isinstance(found, int) else None


def _asked_wait(error: BaseException) -> float | None:
    """Return the seconds that a server asks to wait (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after)."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
    asked = headers.get("Retry-After", "") if hasattr(headers, "get") else ""
    return float(asked) if str(asked).isdigit() else None
