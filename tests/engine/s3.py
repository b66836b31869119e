"""An S3 server on loopback (moto's) with faults.

It can be told to fail, to be slow, or to give no answer.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

KEYS = {"key": "test", "secret": "test"}

_ERRORS = {
    "503": (
        "503 Slow Down",
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    ),
    "403": ("403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"),
}


class Faults:
    """A WSGI application that spoils requests to the server.

    ``fail(method, path)`` names what goes wrong with a request, if anything.

    "503" and "403" answer so, "slow" waits half a second, "hang" gives no answer until ``stop`` is set, "cut" ends the
    answer in its middle. ``sent`` is told the bytes of each answer.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.fail: Callable[[str, str], str] = lambda method, path: ""
        self.sent: Callable[[str, str, int], object] = lambda method, path, size: None
        self.stop = threading.Event()
        self.requests = 0
        self.failed = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.requests += 1
        what = self.fail(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        self.failed += bool(what)
        if what in _ERRORS:
            status, body = _ERRORS[what]
            start_response(status, [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
            # A body after HEAD would be taken for the start of the connection's next answer.
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        if what == "hang":
            self.stop.wait(60)
        if what == "slow":
            time.sleep(0.5)
        answer = self._app(environ, start_response)
        content = b"".join(answer)
        self.sent(environ["REQUEST_METHOD"], environ["PATH_INFO"], len(content))
        return [content[: len(content) // 2] if what == "cut" else content]


class Server:
    _buckets = itertools.count()  # of all servers: they share what moto holds

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every request
        self.faults = Faults(DomainDispatcherApplication(create_backend_app))
        self._server = make_server("127.0.0.1", 0, self.faults, threaded=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def options(self, **more: Any) -> dict[str, Any]:
        """Return fsspec's storage options for this server."""
        return {"endpoint_url": self.endpoint, "client_kwargs": {"region_name": "us-east-1"}, **KEYS, **more}

    def environment(self) -> dict[str, str]:
        """Return variables that point all S3 clients to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEYS["key"],
            "AWS_SECRET_ACCESS_KEY": KEYS["secret"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """Make a bucket and return its name."""
        name = f"bucket-{next(self._buckets)}"
        with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")):
            pass
        return name

    def close(self) -> None:
        self.faults.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()
