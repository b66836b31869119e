"""Reads the channels of images ahead of their use, from any file system, each file once while its images last."""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from builder.engine.store import Store
from builder.errors import RejectedError, UserError
from builder.pixels.read import read

if TYPE_CHECKING:
    from builder.stages.standardize import Item

_AHEAD_LOCAL = 4
_AHEAD_REMOTE = 32
_KEPT_CHANNELS = 8
_MOST_BYTES_A_PIXEL = 16  # four channels of 32 bits; stacks of many planes are far below max_pixels a plane

_NOT_THE_FILE = frozenset(
    {errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
"""Failures of the machine or its file system: the image is not to blame, so the build stops and can go on later."""

Array = npt.NDArray[Any]


class ChannelReader:
    """Yields the channels of images in order, while threads fetch the bytes of those that follow.

    Parameters
    ----------
    data : folder or URL that holds one folder a source
    options : fsspec's storage options
    max_pixels : channels with more are refused before they are decoded
    """

    def __init__(self, data: str, options: dict[str, Any], max_pixels: int) -> None:
        self._data = data.rstrip("/")
        self._max_pixels = max_pixels
        self._remote = Store(data, options) if "://" in data else None
        self._ahead = _AHEAD_LOCAL if self._remote is None else _AHEAD_REMOTE
        self._threads = ThreadPoolExecutor(self._ahead)
        self._fetched: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._decoded: OrderedDict[tuple[str, int], Array | RejectedError] = OrderedDict()

    def __enter__(self) -> ChannelReader:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what was fetched ahead."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def read_all(self, items: Sequence[Item]) -> Iterator[tuple[Item, list[Array], list[str]]]:
        """Yield (item, channels read, "file: reason" of each channel left out), in order."""
        names = list(dict.fromkeys(f"{item.dir_name}/{file}" for item in items for file in item.files))
        position = {name: i for i, name in enumerate(names)}
        for item in items:
            channels: list[Array] = []
            left_out: list[str] = []
            for file, plane in zip(item.files, item.planes, strict=True):
                name = f"{item.dir_name}/{file}"
                self._fetch_ahead(names, position[name])
                try:
                    channels.append(_cut(self._channel(name, plane), item.region))
                except RejectedError as refused:
                    left_out.append(f"{file}: {refused}")
            yield item, channels, left_out

    def _fetch_ahead(self, names: list[str], at: int) -> None:
        for name in names[at : at + self._ahead]:
            if name not in self._fetched:
                self._fetched[name] = self._threads.submit(self._fetch, name)
        while len(self._fetched) > 2 * self._ahead:
            self._fetched.popitem(last=False)

    def _fetch(self, name: str) -> bytes:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise RejectedError("unreadable", "its path leaves the source's folder")
        try:
            if self._remote is not None:
                self._refuse_large(self._remote.size(name))
                return self._remote.read_bytes(name)
            local = Path(f"{self._data}/{name}")
            self._refuse_large(local.stat().st_size)
            return local.read_bytes()
        except OSError as error:
            if error.errno in _NOT_THE_FILE:
                raise UserError(
                    f"{self._data}/{name} cannot be read now ({error.strerror}); mend that, then run the same again"
                ) from None
            raise RejectedError("unreadable", f"{type(error).__name__}: {error.strerror or 'cannot be read'}") from None

    def _refuse_large(self, size: int) -> None:
        """Refuse a file that could not hold so many bytes with as few pixels as are allowed."""
        if size > self._max_pixels * _MOST_BYTES_A_PIXEL:
            raise RejectedError("too_large", f"{size} bytes")

    def _channel(self, name: str, plane: int) -> Array:
        key = (name, plane)
        if key not in self._decoded:
            try:
                self._decoded[key] = read(self._fetched[name].result(), plane, self._max_pixels)
            except RejectedError as refused:
                self._decoded[key] = refused
            while len(self._decoded) > _KEPT_CHANNELS:
                self._decoded.popitem(last=False)
        found = self._decoded[key]
        if isinstance(found, RejectedError):
            raise found
        return found


def _cut(pixels: Array, region: tuple[int, int, int, int] | None) -> Array:
    """Return the region of a channel, clipped to it."""
    if region is None:
        return pixels
    x_min, x_max, y_min, y_max = region
    height, width = pixels.shape[:2]
    cut = pixels[max(0, y_min) : min(height, y_max), max(0, x_min) : min(width, x_max)]
    if cut.size == 0:
        raise RejectedError("unreadable", f"the box {region} lies outside the picture of {width} x {height} pixels")
    return np.ascontiguousarray(cut)
