"""Sequential reading of files, with read-ahead where it is slow.

Threads read ahead only where reads have to wait. A thread that fetches ahead costs a fifth of the work on the pixels
where the file lies in the page cache (hand-overs, memory that no later file takes again), and saves nearly all of the
waiting where it does not.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from builder.engine.store import Store
from builder.engine.trees import PIXELS_OF_VSI, pixel_folder
from builder.errors import RejectedError, UnavailableError
from builder.pixels.formats.vsi import VsiFiles
from builder.pixels.formats.zarr_array import ArrayFiles
from builder.stages.standardize.arrays import Planes, read_array
from builder.stages.standardize.patience import retry_read, whole

Content = bytes | ArrayFiles | VsiFiles

_AHEAD_LOCAL = 4
_AHEAD_REMOTE = 64
_AHEAD_BYTES = 256 << 20  # of files read ahead from a remote DATA; fewer files where they are large
_AT_FIRST = 16 << 20  # bytes that are asked for at once: nearly every file is shorter, and has come with that
_PIECE = 1 << 20
_MAX_BYTES_PER_PIXEL = 16  # four channels of 32 bits; stacks of many planes are far below max_pixels a plane
_WAIT = 0.0005  # seconds in which a read did not compute: it waited for the disk
_WAITS = 4  # with so many more reads that waited than did not, a busy machine is not the reason


class Fetcher:
    """Gives the content of files below DATA.

    Parameters
    ----------
    data : folder or URL that holds one folder per source
    options : fsspec's storage options
    max_pixels : files that could hold no candidate of so few pixels are refused
    """

    def __init__(self, data: str, options: dict[str, Any], max_pixels: int) -> None:
        self._data = data.rstrip("/")
        self._max_pixels = max_pixels
        self._most_bytes = max_pixels * _MAX_BYTES_PER_PIXEL
        self._store = Store(data, options)
        self._remote = self._store if "://" in data else None
        self._ahead = _AHEAD_LOCAL if self._remote is None else _AHEAD_REMOTE
        self._threads = None if self._remote is None else ThreadPoolExecutor(self._ahead)
        self._waits = 0
        self._usual = _AHEAD_BYTES // 32  # bytes of a file, judged by earlier ones
        self._fetched: OrderedDict[str | Planes, Future[Content]] = OrderedDict()

    def close(self) -> None:
        """Drop what was fetched ahead."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def fetch(self, names: Sequence[str | Planes], index: int) -> Content:
        """Return the content of file ``names[at]``.

        Of planes of an array it is the files that they need, of a ``.vsi`` those of its pixels too. The files after it
        are those that will be asked for next.

        Raises
        ------
        RejectedError
            "too_large", or "unreadable" for a path that leaves the source's folder.
        builder.errors.UnavailableError
            Where it cannot be read, whatever the reason, also after some patience: only bytes that were read say
            anything about an image.
        """
        if self._threads is None:
            return self._at_once(names[index])
        ahead = self._ahead if self._remote is None else max(4, min(self._ahead, _AHEAD_BYTES // self._usual))
        for name in names[index : index + ahead]:
            if name not in self._fetched:
                self._fetched[name] = self._threads.submit(self._read, name)
        found = self._fetched.pop(names[index]).result()
        while len(self._fetched) > 2 * self._ahead:
            self._fetched.popitem(last=False)
        self._usual = max(len(found) if isinstance(found, bytes) else found.size, self._usual * 7 // 8, 1)
        return found

    def check_whole(self, name: str | Planes, content: Content) -> None:
        """Compare a remote file's length with its stated size.

        To be called before anything is said of an image that cannot be read: what came by one request was not asked for
        its size, and an answer may have been cut. Arrays are compared when they are read.

        Raises
        ------
        builder.errors.UnavailableError
            Where another number of bytes came, or the size cannot be had.
        """
        store = self._remote
        if store is None or isinstance(name, Planes) or isinstance(content, ArrayFiles):
            return
        files = {name: content} if isinstance(content, bytes) else {name: content.header}
        if isinstance(content, VsiFiles):
            files |= {f"{pixel_folder(name)}/{rel}": stack for rel, stack in content.stacks.items()}
        for path, came in files.items():
            size = retry_read(f"{self._data}/{path}", partial(store.size, path))
            if size != len(came):
                raise UnavailableError(f"{self._data}/{path}: {len(came)} bytes came, not {size}")

    def _at_once(self, name: str | Planes) -> Content:
        """Read directly; start read-ahead threads if most reads waited."""
        waited = time.thread_time() - time.perf_counter()
        content = self._read(name)
        waited += time.perf_counter() - time.thread_time()
        self._waits = max(0, self._waits + (1 if waited > _WAIT else -1))
        if self._waits >= _WAITS:
            self._threads = ThreadPoolExecutor(self._ahead)
        return content

    def _read(self, name: str | Planes) -> Content:
        path = name.name if isinstance(name, Planes) else name
        if ".." in path.split("/"):
            raise RejectedError("unreadable", "its path leaves the source's folder")
        if isinstance(name, Planes):
            return read_array(self._store, name, self._max_pixels, self._refuse_large)
        folder = pixel_folder(name)
        return self._read_file(name) if folder is None else VsiFiles(self._read_file(name), self._read_stacks(folder))

    def _read_stacks(self, folder: str) -> dict[str, bytes]:
        """Return a VSI's pixel files by path below their folder."""
        found = retry_read(f"{self._data}/{folder}", lambda: self._store.sizes(folder))
        pixels = [rel for rel in found if rel.lower().endswith(PIXELS_OF_VSI)]
        return {rel[len(folder) + 1 :]: self._read_file(rel) for rel in pixels}

    def _read_file(self, name: str) -> bytes:
        store = self._remote
        if store is None:
            return retry_read(f"{self._data}/{name}", lambda: self._read_local(f"{self._data}/{name}"))

        def read_remote() -> bytes:
            most = min(_AT_FIRST, self._most_bytes + 1)
            content = store.read_range(name, 0, most)
            if 0 < len(content) < most:
                return content
            size = store.size(name)
            self._refuse_large(size)
            return whole(content + store.read_range(name, len(content), size) if len(content) < size else content, size)

        return retry_read(f"{self._data}/{name}", read_remote)

    def _read_local(self, path: str) -> bytes:
        """Read a local file with the fewest possible system calls."""
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            size = os.fstat(file).st_size
            self._refuse_large(size)
            content = os.read(file, size + 1)
            if len(content) == size:
                return content
            pieces = [content]  # a system may give less than it is asked for
            while piece := os.read(file, _PIECE):
                pieces.append(piece)
            return whole(b"".join(pieces), os.fstat(file).st_size)
        finally:
            os.close(file)

    def _refuse_large(self, size: int) -> None:
        """Refuse a file too large for the allowed pixels."""
        if size > self._most_bytes:
            raise RejectedError("too_large", f"{size} bytes")
