"""A remote file read forward in blocks fetched ahead."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from cytoimagenet_reader.remote.ranges import Ranges
from cytoimagenet_reader.remote.versions import Check

_BLOCK = 4 << 20  # most bytes of one request
_FIRST_BLOCK = 1 << 20  # bytes of a file's first requests: the first row comes sooner, and costs less
_LEAST_BLOCK = 1 << 14
_BLOCKS_AHEAD = 3


class ReadAhead(io.RawIOBase):
    """A remote file that is read forward.

    Parameters
    ----------
    size : bytes of the file
    limit : the byte up to which it will be read
    check : as ``Ranges`` takes it
    """

    def __init__(
        self, url: str, storage_options: Mapping[str, Any], size: int, *, limit: int, check: Check | None = None
    ) -> None:
        self._size, self._limit = size, limit
        self._ranges = Ranges(url, storage_options, check)
        self._hash = hashlib.sha256()
        self._position = self._requested = 0
        self._blocks: deque[Future[bytes]] = deque()
        self._block = memoryview(b"")
        self._threads = ThreadPoolExecutor(_BLOCKS_AHEAD, "shard")
        self._closed = threading.Event()

    def close(self) -> None:
        """Cancel what is under way."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        super().close()

    def readable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to another byte, later or earlier.

        What was fetched up to there is left out, or given up.
        """
        position = offset + (0, self._position, self._size)[whence]
        forward = position - self._position
        if forward >= 0 and position <= self._requested:
            while forward > len(self._block):
                forward -= len(self._block)
                self._block = memoryview(self._blocks.popleft().result())
            self._block = self._block[forward:]
        else:
            for block in self._blocks:
                block.cancel()
            self._blocks.clear()
            self._block = memoryview(b"")
            self._requested = position
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, or all that follow for -1.

        There are fewer only at the end of the file.
        """
        left = self._size - self._position
        left = left if size < 0 else min(size, left)
        pieces = []
        while left > 0:
            if not len(self._block):
                self._block = memoryview(self._next_block(left))
            piece = self._block[:left]
            self._block = self._block[len(piece) :]
            left -= len(piece)
            pieces.append(piece)
        data = b"".join(pieces)
        self._position += len(data)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        """Read to the end; return the sha256 (hex) of everything.

        It is for a file that is read from its start.
        """
        while self.read(_BLOCK):
            pass
        return self._hash.hexdigest()

    def _next_block(self, needed: int) -> bytes:
        while len(self._blocks) < _BLOCKS_AHEAD and self._requested < self._size:
            if self._requested < self._limit:
                size = min(max(self._requested // 4, _FIRST_BLOCK), _BLOCK, self._limit - self._requested)
                size = max(size, _LEAST_BLOCK)
            elif self._blocks:
                break
            else:
                size = needed
            start, end = self._requested, min(self._requested + size, self._size)
            self._blocks.append(self._threads.submit(self._ranges.read, start, end, self._closed))
            self._requested = end
        return self._blocks.popleft().result()
