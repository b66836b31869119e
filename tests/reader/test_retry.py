"""Retries: what is transient, how often, and the final error.

Also for how long it is tried.
"""

from __future__ import annotations

import asyncio
import errno
import json
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cytoimagenet_reader.retry import GaveUpError, Limits, is_transient, retry, status_of

QUICK = Limits(attempts=5, first_wait=0.001)


class AnsweredError(Exception):
    """A server's answer, as the clients' own errors state it."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__("an answer")
        for name, value in attributes.items():
            setattr(self, name, value)


def wrapped(error: Exception) -> RuntimeError:
    outer = RuntimeError("Error while uploading")
    outer.__cause__ = error
    return outer


def answer(status: int, **headers: str) -> AnsweredError:
    return AnsweredError(response=SimpleNamespace(status_code=status, headers=headers))


TRANSIENT: dict[str, BaseException] = {
    "reset": ConnectionResetError(),
    "timeout": TimeoutError(),
    "cut": EOFError(),
    "cut JSON": json.JSONDecodeError("cut", "{", 1),
    "disk": OSError(errno.EIO, "I/O"),
    "name not resolved": OSError(-2, "Name or service not known"),
    "busy, aiohttp": AnsweredError(status=503),
    "busy, requests": answer(503),
    "busy, botocore": AnsweredError(response={"ResponseMetadata": {"HTTPStatusCode": 500}}),
    "too many, azure": AnsweredError(status_code=429),
    "in a thread": wrapped(answer(502)),
}
LASTING: dict[str, BaseException] = {
    "missing": FileNotFoundError(),
    "not allowed": PermissionError(),
    "full": OSError(errno.ENOSPC, "full"),
    "read-only": OSError(errno.EROFS, "read-only"),
    "mistake": TypeError(),
    "malformed": ValueError(),
    "not found": answer(404),
    "forbidden": answer(403),
    "conflict": answer(412),
    "no storage": answer(507),
    "not implemented": answer(501),
    "in a thread": wrapped(answer(401)),
    "interrupt": KeyboardInterrupt(),
    "cancelled": asyncio.CancelledError(),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_may_pass(name: str) -> None:
    assert is_transient(TRANSIENT[name])


@pytest.mark.parametrize("name", LASTING)
def test_what_would_fail_again(name: str) -> None:
    assert not is_transient(LASTING[name])


def test_errors_of_real_clients() -> None:
    aiohttp = pytest.importorskip("aiohttp")
    assert is_transient(aiohttp.ClientPayloadError("cut"))
    assert is_transient(aiohttp.ServerDisconnectedError())
    botocore = pytest.importorskip("botocore.exceptions")
    slow = botocore.ClientError({"ResponseMetadata": {"HTTPStatusCode": 503}, "Error": {}}, "GetObject")
    assert status_of(slow) == 503
    assert is_transient(slow)
    assert is_transient(botocore.EndpointConnectionError(endpoint_url="http://localhost"))


def failing(times: int, error: BaseException) -> tuple[Callable[[], int], list[float]]:
    """Return a call that fails so often, then returns 7.

    Returns the moments of its calls, too.
    """
    moments: list[float] = []

    def call() -> int:
        moments.append(time.monotonic())
        if len(moments) <= times:
            raise error
        return 7

    return call, moments


@pytest.mark.parametrize("times", [0, 1, 4])
def test_a_passing_failure_costs_attempts_only(times: int) -> None:
    call, moments = failing(times, ConnectionError())
    assert retry(call, QUICK) == 7
    assert len(moments) == times + 1


def test_the_limit_of_attempts() -> None:
    call, moments = failing(5, ConnectionError("gone"))
    with pytest.raises(GaveUpError, match=r"ConnectionError: gone \(tried 5 times\)") as caught:
        retry(call, QUICK)
    assert len(moments) == caught.value.attempts == 5
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_the_limit_of_time_begins_no_attempt_beyond_it() -> None:
    call, moments = failing(1000, ConnectionError())
    with pytest.raises(GaveUpError):
        retry(call, Limits(seconds=0.2, first_wait=0.02, longest_wait=0.05))
    assert 3 <= len(moments) <= 8
    assert moments[-1] - moments[0] < 0.2


def test_waits_double_up_to_the_longest() -> None:
    limits = Limits(first_wait=0.5, longest_wait=3)
    assert [limits.wait(attempts, ConnectionError()) for attempts in range(1, 6)] == [0.5, 1, 2, 3, 3]


def test_a_server_is_waited_for_as_long_as_it_asks() -> None:
    limits = Limits(first_wait=0.5, longest_wait=30)
    assert limits.wait(1, answer(429, **{"Retry-After": "7"})) == 7
    assert limits.wait(1, answer(429, **{"Retry-After": "3600"})) == 30
    assert limits.wait(1, answer(429, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})) == 0.5


def test_what_is_not_retried_comes_through_as_it_is() -> None:
    call, moments = failing(5, FileNotFoundError("a"))
    with pytest.raises(FileNotFoundError, match="a"):
        retry(call, QUICK)
    assert len(moments) == 1
    call, moments = failing(2, KeyError("odd"))
    assert retry(call, QUICK, retried=lambda error: isinstance(error, KeyError)) == 7
    call, _ = failing(2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        retry(call, QUICK)


def test_a_wait_ends_when_it_is_stopped() -> None:
    stopped = threading.Event()
    call, moments = failing(5, ConnectionError())
    threading.Timer(0.1, stopped.set).start()
    begun = time.monotonic()
    with pytest.raises(GaveUpError):
        retry(call, Limits(attempts=9, first_wait=20, longest_wait=60), stopped=stopped)
    assert time.monotonic() - begun < 10
    assert len(moments) <= 2
