"""HTTP requests over persistent connections.

Each answer is received where it is wanted.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Final

import urllib3

from cytoimagenet_reader.remote.places import Location, Place

CONNECTIONS: Final = 16
"""That a process has open at once, to one host or several."""
_KEPT: Final = 2 * CONNECTIONS  # beside a block, its thread may ask for the manifest's version
_TIMEOUT: Final = urllib3.Timeout(connect=15, read=30)
_SMALL: Final = 1 << 16  # bytes of an answer that are read to keep its connection
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_REDIRECTS: Final = 5
_NOT_HERE: Final = (401, 403, 410)  # what an address answers once it is no longer valid

_managers: dict[tuple[int, str, str | None], urllib3.PoolManager] = {}
_making = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


class AnswerError(OSError):
    """An error response instead of the content.

    ``status`` and ``headers`` are the server's.
    """

    def __init__(self, url: str, answer: urllib3.BaseHTTPResponse) -> None:
        super().__init__(f"{url}: status {answer.status} {answer.reason or ''}".rstrip())
        self.status = answer.status
        self.headers = answer.headers


@contextlib.contextmanager
def answer_of(location: Location, first: int | None = None, last: int = 0) -> Iterator[urllib3.BaseHTTPResponse]:
    """Give the response for a range or the whole file.

    The range is bytes ``first`` to ``last`` (inclusive). Redirects are remembered; where an address to which one led is
    no longer valid, it is asked for again. A connection is kept where the body was read to its end.

    Raises
    ------
    FileNotFoundError, PermissionError, AnswerError, ValueError
        Where the server says so; ValueError: where it ignores ranges.
    """
    asked = {} if first is None else {"Range": f"bytes={first}-{last}"}
    renewed = False
    for _ in range(_MOST_REDIRECTS):
        place = location.place()
        answer = _ask(place, {"Accept-Encoding": "identity", **place.headers, **asked})
        location.commit = answer.headers.get("X-Repo-Commit") or location.commit
        try:
            if answer.status in _REDIRECTS and (target := answer.headers.get("Location")):
                location.redirect(place, target)
            elif answer.status in _NOT_HERE and not renewed and location.forget(place):
                renewed = True
            else:
                _check(location.url, answer, first)
                yield answer
                return
        finally:
            _done(answer)
    raise ConnectionError(f"{location.url}: too many redirects")


def _ask(place: Place, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
    manager = _manager(place.url.partition("://")[0], _proxy(place.url))
    try:
        return manager.request(
            "GET",
            place.url,
            headers=dict(headers),
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
            timeout=_TIMEOUT,
        )
    except urllib3.exceptions.SSLError as error:
        if error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
            raise error.args[0] from None
        raise


def _check(url: str, answer: urllib3.BaseHTTPResponse, first: int | None) -> None:
    status = answer.status
    if status == 404:
        raise FileNotFoundError(f"{url}: not found")
    if status in (401, 403):
        raise PermissionError(f"{url}: status {status} {answer.reason or ''}".rstrip())
    if first is not None and status == 200:
        raise ValueError("the server ignores byte ranges; use one that supports them, or copy the package first")
    if status not in (200, 206):
        raise AnswerError(url, answer)


def _done(answer: urllib3.BaseHTTPResponse) -> None:
    """Keep the connection if its response is read or short."""
    left = answer.length_remaining
    if left is not None and left <= _SMALL:  # also of none: only reading on tells that an answer is over
        with contextlib.suppress(OSError, urllib3.exceptions.HTTPError):
            answer.drain_conn()
            answer.release_conn()
            return
    answer.close()
    answer.release_conn()


def _manager(scheme: str, proxy: str | None) -> urllib3.PoolManager:
    """Return this process's connections, through a proxy or direct.

    A forked process makes its own.
    """
    key = os.getpid(), scheme, proxy
    with _making:
        if key not in _managers:
            context = _tls() if "https" in (scheme, (proxy or "").partition("://")[0]) else None
            _managers[key] = _made(proxy, context)
        return _managers[key]


def _made(proxy: str | None, context: ssl.SSLContext | None) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(maxsize=_KEPT, ssl_context=context)
    parts = urllib.parse.urlsplit(proxy)
    user, password = (urllib.parse.unquote(text or "") for text in (parts.username, parts.password))
    headers = urllib3.util.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
    return urllib3.ProxyManager(proxy, maxsize=_KEPT, ssl_context=context, proxy_headers=headers)


def _tls() -> ssl.SSLContext:
    """Return the TLS context that verifies a server's name.

    It takes 0.1 s and more to make.
    """
    context = urllib3.util.create_urllib3_context()
    context.load_default_certs()
    with contextlib.suppress(ImportError):
        import certifi  # with the clients of the hub; Python on macOS has no certificates of its own

        context.load_verify_locations(certifi.where())
    return context


def _proxy(url: str) -> str | None:
    """Return the proxy that the system names for an address."""
    parts = urllib.parse.urlsplit(url)
    named = urllib.request.getproxies().get(parts.scheme)
    if not named or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return named if "://" in named else f"http://{named}"
