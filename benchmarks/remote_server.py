"""A file server behind one line of limited bandwidth.

It listens on loopback and delays each answer.

    python -m benchmarks.remote_server FOLDER

It prints its port. All connections share one token bucket, first come first served, as they share a line; a limit for
each connection may be set besides. A path ``/resolve/...`` is answered by a redirect, as a hub does. ``/control?...``
sets the limits (``mbit``, ``delay`` in ms, ``each`` in Mbit/s a connection, ``failing`` the share of requests that are
refused or broken off) and gives what was sent since the last time, as JSON. For clients
of S3 a folder is a bucket, which they may list.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import random
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

CHUNK = 1 << 17
SLACK = 0.01  # seconds of the line that may be saved up


class Line:
    """A token bucket: data wait until the line is free."""

    def __init__(self, mbit: float) -> None:
        self.mbit, self.free = mbit, 0.0

    async def send(self, count: int) -> None:
        """Wait until ``count`` bytes may leave."""
        if not self.mbit:
            return
        now = time.perf_counter()
        self.free = max(self.free, now - SLACK) + count / (self.mbit * 125_000)
        if self.free - now > 0.001:
            await asyncio.sleep(self.free - now)


class Server:
    """Answers GET and HEAD for a folder's files.

    With byte ranges.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, dict[str, mmap.mmap]()
        self.line, self.delay, self.each, self.failing = Line(1000), 0.0, 0.0, 0.0
        self.sent: list[tuple[str, int]] = []

    def content(self, path: str) -> mmap.mmap | None:
        if path not in self.files:
            file = self.folder / path.lstrip("/")
            if not file.is_file():
                return None
            with file.open("rb") as opened:
                self.files[path] = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return self.files[path]

    def control(self, query: dict[str, str]) -> bytes:
        found = json.dumps(self.sent).encode()
        self.sent.clear()
        if "mbit" in query:
            self.line = Line(float(query["mbit"]))
        self.delay = float(query.get("delay", self.delay * 1000)) / 1000
        self.each, self.failing = float(query.get("each", self.each)), float(query.get("failing", self.failing))
        return found

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = Line(self.each)
        writer.transport.set_write_buffer_limits(high=CHUNK)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
                method, target, _ = head[0].split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                await self.answer(writer, own, method, urllib.parse.urlsplit(target), headers.get("range", ""))
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass  # the client has gone
        finally:
            writer.transport.abort()

    async def answer(self, writer: asyncio.StreamWriter, own: Line, method: str, url: Any, asked: str) -> None:
        path = urllib.parse.unquote(url.path)
        if path == "/control":
            found = self.control(dict(urllib.parse.parse_qsl(url.query)))
            writer.write(_head(200, len(found)) + found)
            return
        await asyncio.sleep(self.delay)
        if path.startswith("/resolve/"):
            writer.write(_head(302, 0, f"Location: {path.removeprefix('/resolve')}\r\n"))
            return
        query = dict(urllib.parse.parse_qsl(url.query))
        if "list-type" in query:
            found = self.listed(path.strip("/"), query)
            writer.write(_head(200, len(found)) + found)
            return
        data = self.content(path)
        broken = method == "GET" and random.random() < self.failing
        if data is None or (broken and random.random() < 0.5):
            writer.write(_head(404 if data is None else 503, 0))
            return
        low, high = _range(asked, len(data))
        which = f"Content-Range: bytes {low}-{high - 1}/{len(data)}\r\n" if asked else ""
        writer.write(_head(206 if asked else 200, high - low, which))
        if method == "GET":
            await self.body(writer, own, memoryview(data)[low:high], path, (high - low) // 2 if broken else high - low)

    def listed(self, bucket: str, query: dict[str, str]) -> bytes:
        """Return a bucket's keys as S3's ListObjectsV2 does.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
        """
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        root, entries, folders = self.folder / bucket, "", set()
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            key = path.relative_to(root).as_posix()
            if not key.startswith(prefix) or key <= query.get("start-after", ""):
                continue
            inner, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if found:
                folders.add(prefix + inner + found)
            else:
                size = path.stat().st_size
                facts = f'<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"x"</ETag><Size>{size}</Size>'
                entries += f"<Contents><Key>{key}</Key>{facts}</Contents>"
        shared = "".join(f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>" for name in sorted(folders))
        about = f"<Name>{bucket}</Name><Prefix>{prefix}</Prefix><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{about}{entries}{shared}</ListBucketResult>".encode()

    async def body(self, writer: asyncio.StreamWriter, own: Line, data: memoryview, path: str, most: int) -> None:
        done = 0
        try:
            while done < most:
                piece = data[done : min(done + CHUNK, most)]
                await own.send(len(piece))
                await self.line.send(len(piece))
                writer.write(piece)
                await writer.drain()
                done += len(piece)
                if writer.transport.is_closing():
                    raise ConnectionResetError
        finally:
            self.sent.append((path, done))
        if most < len(data):
            raise ConnectionResetError


def _head(status: int, length: int, more: str = "") -> bytes:
    fixed = 'Accept-Ranges: bytes\r\nETag: "x"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n'
    return f"HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n{fixed}{more}\r\n".encode()


def _range(asked: str, size: int) -> tuple[int, int]:
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not asked:
        return 0, size
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


async def _serve(folder: Path) -> None:
    server = await asyncio.start_server(Server(folder).connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
