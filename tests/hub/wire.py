"""The HTTP layer below the hub's endpoints.

Bodies that are counted and slowed, answers, and requests that fail on purpose.
"""

from __future__ import annotations

import abc
import json
import re
import socket
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.hub.repos import ConflictError, NotFoundError

_CHUNK = 1 << 16


class FailedError(Exception):
    """A refused request: status, message and the hub's error code."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class Wire(BaseHTTPRequestHandler, abc.ABC):
    """One request; ``route`` answers it."""

    server: Any
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean; ``Hub.log`` has every answer."""

    def _answer(self, method: str) -> None:
        parts = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        fault = None if parts.path == "/api/control" else self.server.faults.draw()
        time.sleep(self.server.faults.delay)
        self.body_left = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body_left = -1
        if fault == "drop":
            for _ in self.body(half=True):
                pass
            self.drop()
            return
        try:
            if fault:
                raise FailedError(int(fault), "try again later")
            self.route(method, parts.path)
        except FailedError as error:
            headers = {"X-Error-Message": error.message} | ({"X-Error-Code": error.code} if error.code else {})
            if error.status in (429, 503):
                headers["Retry-After"] = str(self.server.faults.retry_after)
            self.json({"error": error.message}, error.status, headers)
        except NotFoundError as error:
            self.json({"error": str(error)}, 404, {"X-Error-Code": str(error), "X-Error-Message": str(error)})
        except ConflictError as error:
            status = 409 if "already" in str(error).lower() else 412
            self.json({"error": str(error)}, status, {"X-Error-Message": str(error)})

    @abc.abstractmethod
    def route(self, method: str, path: str) -> None:
        """Answer a request, or raise an error that ``_answer`` answers."""

    def body(self, half: bool = False) -> Iterator[bytes]:
        """Yield the body, counted and slowed as the faults say.

        ``half`` stops in the middle.
        """
        if self.body_left < 0:
            while size := int(self.rfile.readline().strip() or b"0", 16):
                yield self._counted(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            self.body_left = 0
        until = self.body_left // 2 if half else 0
        while self.body_left > until:
            chunk = self.rfile.read(min(_CHUNK, self.body_left - until))
            if not chunk:
                raise ConnectionError("the client went away")
            self.body_left -= len(chunk)
            yield self._counted(chunk)

    def _counted(self, chunk: bytes) -> bytes:
        self.server.received += len(chunk)
        self.server.received_files += len(chunk) if self.command == "PUT" else 0
        if self.server.faults.bytes_per_second:
            time.sleep(len(chunk) / self.server.faults.bytes_per_second)
        return chunk

    def whole_body(self) -> bytes:
        return b"".join(self.body())

    def json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())

    def send_file(self, path: Path, headers: dict[str, str]) -> None:
        size = path.stat().st_size
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        start, end, status = 0, size, 200
        if match and size:
            start = int(match[1]) if match[1] else max(0, size - int(match[2]))
            end = min(size, int(match[2]) + 1) if match[1] and match[2] else size
            if start >= size:
                self.send(416, {"Content-Range": f"bytes */{size}"}, b"")
                return
            status = 206
            headers = {**headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"}
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(end - start)
        self.send(status, {"Content-Type": "application/octet-stream", **headers}, content)

    def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        for _ in self.body():
            pass  # an answer before the whole request was read would reset the connection
        self.server.log.append(f"{self.command} {self.path} {status}")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        speed = self.server.faults.bytes_per_second
        for start in range(0, len(content), _CHUNK):
            self.wfile.write(content[start : start + _CHUNK])
            if speed:
                time.sleep(min(_CHUNK, len(content) - start) / speed)

    def drop(self) -> None:
        self.server.log.append(f"{self.command} {self.path} dropped")
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
