"""A local file server that misbehaves on demand.

It knows byte ranges.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Faults:
    """What goes wrong with requests for shards.

    Each fault happens so many times, to every ``every``-th request.
    """

    def __init__(self, every: int = 1, **times: int) -> None:
        self.every = every
        self.left = Counter(times)
        self.lock = threading.Lock()
        self.requests: list[tuple[str, int]] = []  # path and bytes sent, of each answer
        self.delay = 0.0  # seconds
        self.asked = 0
        self.tags = True  # whether answers say which version of a file they are of

    def take(self) -> str:
        """Return the fault of this request, or nothing."""
        with self.lock:
            self.asked += 1
            left = sorted(fault for fault, times in self.left.items() if times > 0)
            if self.asked % self.every or not left:
                return ""
            fault = left[self.asked // self.every % len(left)]
            self.left[fault] -= 1
            return fault


@contextlib.contextmanager
def serving(folder: Path, faults: Faults) -> Iterator[str]:
    """Serve a folder on a loopback port; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        said: dict[str, str] = {}
        disable_nagle_algorithm = True  # header and body are two writes: else the second waits 40 ms

        def do_HEAD(self) -> None:
            path = folder / self.path.lstrip("/")
            if path.is_file():
                self.answer(path.read_bytes(), sent=0)
            else:
                self.send_error(404)

        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            data, status, fault = path.read_bytes(), 200, ""
            found = path.stat()
            self.said = {"ETag": f'"{found.st_mtime_ns:x}-{found.st_size:x}"'} if faults.tags else {}
            if "data" in path.parts:
                time.sleep(faults.delay)
                fault = faults.take()
            asked = self.headers.get("Range")
            if asked and fault != "no_ranges":
                start, _, end = asked.removeprefix("bytes=").partition("-")
                if faults.tags:
                    self.said["Content-Range"] = f"bytes {start}-{end or len(data) - 1}/{len(data)}"
                data, status = data[int(start) : int(end) + 1 if end else None], 206
            if fault == "busy":
                self.send_error(503)
            elif fault == "dropped":
                self.answer(data, status, sent=len(data) // 2)
                self.close_connection = True
                self.connection.close()
            elif fault == "short":
                self.answer(data[: len(data) // 2], status)
            else:
                self.answer(data, status)

        def answer(self, data: bytes, status: int = 200, sent: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Accept-Ranges", "bytes")
            for name, value in self.said.items():
                self.send_header(name, value)
            self.end_headers()
            content = memoryview(data)[:sent]
            written = 0
            try:
                for start in range(0, len(content), 1 << 16):
                    written += self.wfile.write(content[start : start + (1 << 16)])
            except ConnectionError:  # the client wants no more
                self.close_connection = True
            finally:
                if self.command == "GET":
                    faults.requests.append((self.path, written))

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests look at what was asked for."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that goes away is no fault
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
