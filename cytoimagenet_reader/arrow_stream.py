"""The messages of a remote Arrow stream, fetched in blocks by threads that run ahead of the reader."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from cytoimagenet_reader.arrow_checks import check_message
from cytoimagenet_reader.remote import Ranges

_BLOCK = 4 << 20  # most bytes of one request
_FIRST_BLOCK = 1 << 20  # bytes of a shard's first requests: the first row comes sooner, and costs less
_BLOCKS_AHEAD = 3
_HEADER = 1 << 14  # bytes fetched for a message's header alone


class ArrowStream:
    """The messages of a remote Arrow stream.

    A message is the marker 0xFFFFFFFF, the length of its header (int32), the header, a flatbuffer, and its body
    (https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format).

    Parameters
    ----------
    size : bytes of the file
    ahead : whether to fetch more than is asked for: not where much is skipped
    limit : about the byte up to which the stream will be read
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any], size: int, *, ahead: bool, limit: int) -> None:
        self.ahead = ahead
        self.position = 0
        self._size, self._limit = size, limit
        self._ranges = Ranges(url, storage_options)
        self._hash = hashlib.sha256()
        self._head = b""  # the header of the next message, once it was read
        self._blocks: deque[Future[bytes]] = deque()
        self._block = memoryview(b"")
        self._requested = 0
        self._threads = ThreadPoolExecutor(_BLOCKS_AHEAD, "shard")
        self._closed = threading.Event()

    def __enter__(self) -> ArrowStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def message(self) -> pa.ipc.Message:
        """Return the next message, header and body."""
        head = self._header()
        self._head = b""
        return pa.ipc.read_message(pa.py_buffer(b"".join((head, self._read(check_message(head[8:])[1])))))

    def rows(self) -> int:
        """Return how many rows the next record batch has; its body is not fetched."""
        return check_message(self._header()[8:])[0]

    def skip(self) -> None:
        """Go past the next message without fetching its body, but for what is under way."""
        body = check_message(self._header()[8:])[1]
        self._head = b""
        if body <= len(self._block):
            self.position += body
            self._block = self._block[body:]
        else:
            self.seek(self.position + body)

    def seek(self, position: int) -> None:
        """Go on at a byte where a message begins; what is under way is given up."""
        if position == self.position:
            return
        for block in self._blocks:
            block.cancel()
        self._blocks.clear()
        self._block = memoryview(b"")
        self.position = self._requested = position
        self._head = b""

    def digest(self) -> str:
        """Read to the end and return the sha256 (hex) of all bytes: for a shard that is read from its start."""
        self._read(self._size - self.position)
        return self._hash.hexdigest()

    def _header(self) -> bytes:
        if not self._head:
            prefix = self._read(8)
            marker, length = struct.unpack("<Ii", prefix)
            if marker != 0xFFFFFFFF or not 0 < length < 1 << 24:
                raise EOFError("the stream is damaged" if length else "the stream ends too early")
            self._head = prefix + self._read(length)
        return self._head

    def _read(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        pieces = []
        left = count
        while left:
            if not len(self._block):
                self._block = memoryview(self._next_block(left))
            piece = self._block[:left]
            self._block = self._block[len(piece) :]
            left -= len(piece)
            pieces.append(piece)
        data = b"".join(pieces)
        self.position += count
        self._hash.update(data)
        return data

    def _next_block(self, needed: int) -> bytes:
        while len(self._blocks) < _BLOCKS_AHEAD and self._requested < self._size:
            if self.ahead and self._requested < self._limit:
                size = min(max(self._requested // 4, _FIRST_BLOCK), _BLOCK, self._limit - self._requested)
                size = max(size, _HEADER)
            elif self._blocks:
                break
            else:
                size = max(needed, _HEADER)
            start, end = self._requested, min(self._requested + size, self._size)
            self._blocks.append(self._threads.submit(self._ranges.read, start, end, self._closed))
            self._requested = end
        if not self._blocks:
            raise EOFError(f"it ends at byte {self.position}")
        return self._blocks.popleft().result()
