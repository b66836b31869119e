"""A server on loopback whose files are faulty.

They are cut, refused, or are something else than they say.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Behaviour:
    """What the server does with each path, and its requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, int] = {}  # path -> answers that end after half of their bytes
        self.busy: dict[str, int] = {}  # path -> answers with 429
        self.no_ranges: set[str] = set()
        self.sizes: dict[str, int] = {}  # path -> a size that is stated beforehand (HEAD) in place of the true one
        self.asked: list[tuple[str, str]] = []  # method and range


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Serve; yield the URL, without a slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            path, asked = self.path, self.headers.get("Range", "")
            behaviour.asked.append((self.command, asked))
            content = behaviour.files.get(path)
            if content is None:
                self._head(404, 0)
                return
            if body and behaviour.busy.get(path, 0):
                behaviour.busy[path] -= 1
                self.send_response(429)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
            ranged = match is not None and path not in behaviour.no_ranges
            part = content[int(match[1]) : int(match[2]) + 1] if match is not None and ranged else content
            self._head(206 if ranged else 200, len(part) if body else behaviour.sizes.get(path, len(part)), path)
            if not body:
                return
            if behaviour.cuts.get(path, 0):
                behaviour.cuts[path] -= 1
                self.wfile.write(part[: len(part) // 2])
                self.close_connection = True
                return
            self.wfile.write(part)

        def _head(self, status: int, size: int, path: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(size))
            self.send_header("ETag", '"1"')
            if path and path not in behaviour.no_ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
