"""Reading of the channels of images, in order.

Works on any file system; each file is read once while its images last.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.engine.memory import headroom
from builder.engine.trees import is_array
from builder.engine.worker import using
from builder.errors import RejectedError, UnavailableError
from builder.pixels.read import read_channels
from builder.stages.standardize.arrays import Planes
from builder.stages.standardize.fetch import Content, Fetcher
from builder.stages.standardize.item import Item

_KEPT_FILES = 8
_KEPT_CHANNELS = 8
_SURE_MEMORY = 64 << 20  # bytes
_INFLATION = 64  # pixels that a decoder makes from a byte, except blank ones
_BYTES_PER_PIXEL = 8  # a plane, its file, and a decoder's own copies

Array = npt.NDArray[Any]
_File = str | Planes
_Channel = tuple[_File, int, bool]  # file, plane, whether it is turned the way it is seen


class Read(NamedTuple):
    """What could be read of an image.

    Parameters
    ----------
    channels : of those whose bytes could be decoded
    left_out : "file: reason" of each other channel
    unavailable : why a file of it cannot be had now, so that nothing can be said of the image; else None
    """

    item: Item
    channels: list[Array]
    left_out: list[str]
    unavailable: UnavailableError | None = None


class ChannelReader:
    """Iterator over the channels of images, in order.

    Channels that later images use as well are kept for them, within bounds.

    Parameters
    ----------
    data : folder or URL that holds one folder per source
    options : fsspec's storage options
    max_pixels : channels with more are refused before they are decoded
    """

    def __init__(self, data: str, options: dict[str, Any], max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._fetcher = Fetcher(data, options, max_pixels)
        self._files: list[_File] = []  # each once, in order
        self._position: dict[_File, int] = {}
        self._uses: Counter[_Channel] = Counter()  # to come
        self._planes: Counter[_File] = Counter()  # of each file, to be decoded yet
        self._contents: OrderedDict[_File, Content | RejectedError | UnavailableError] = OrderedDict()
        self._decoded: OrderedDict[_Channel, tuple[Array, ...] | RejectedError] = OrderedDict()

    def __enter__(self) -> ChannelReader:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what was fetched ahead."""
        self._fetcher.close()

    def read_all(self, items: Sequence[Item]) -> Iterator[Read]:
        """Yield what could be read of each image, in order."""
        # By number: to the watch on a worker, iterating over a task's items means beginning them.
        self._uses = Counter(channel for n in range(len(items)) for channel in _channels(items[n]))
        self._planes = Counter(name for name, *_ in self._uses)
        self._files = list(self._planes)
        self._position = {name: place for place, name in enumerate(self._files)}
        for item in items:
            yield self._read(item)

    def _read(self, item: Item) -> Read:
        channels: list[Array] = []
        left_out: list[str] = []
        for file, channel in zip(item.files, _channels(item), strict=True):
            try:
                found = self._channel(channel)
                _check_size(found[0], item.size)
                channels += [_cut(pixels, item.region) for pixels in found]
            except RejectedError as refused:
                left_out.append(f"{file}: {refused}")
            except UnavailableError as fault:
                return Read(item, [], [], fault)
        if any(": mismatched: " in reason for reason in left_out):  # what a table says holds for all of them
            channels = []
        return Read(item, channels, left_out)

    def _channel(self, channel: _Channel) -> tuple[Array, ...]:
        found = self._decoded.pop(channel, None)
        if found is None:
            found = self._decode(*channel)
        self._uses[channel] -= 1
        if self._uses[channel]:
            _keep(self._decoded, channel, found, _KEPT_CHANNELS)
        if isinstance(found, RejectedError):
            raise found
        return found

    def _decode(self, file: _File, plane: int, oriented: bool) -> tuple[Array, ...] | RejectedError:
        content: Content | None = None
        try:
            with using(file.name if isinstance(file, Planes) else file):
                content = self._content(file)
                return read_channels(content, plane, self._max_pixels, oriented)
        except UnavailableError as fault:
            if content is None:
                raise
            raise UnavailableError(f"{file}: {fault}") from None
        except RejectedError as refused:
            if content is not None and refused.reason == "unreadable":
                size = len(content) if isinstance(content, bytes) else content.size
                _refuse_confirmation_without_memory(size, self._max_pixels)
                self._fetcher.check_whole(file, content)
            return refused

    def _content(self, name: _File) -> Content:
        found = self._contents.pop(name, None)
        if found is None:
            try:
                found = self._fetcher.fetch(self._files, self._position[name])
            except (RejectedError, UnavailableError) as error:
                found = error
        self._planes[name] -= 1
        if self._planes[name] > 0:
            _keep(self._contents, name, found, _KEPT_FILES)
        if isinstance(found, Exception):
            raise found
        return found


def _refuse_confirmation_without_memory(size: int, max_pixels: int) -> None:
    """Raise MemoryError where decoding may have run out of memory.

    Some decoders report that as a broken file.
    """
    left = headroom()
    if left is not None and left < min(_SURE_MEMORY + _INFLATION * size, _BYTES_PER_PIXEL * max_pixels):
        raise MemoryError(f"{left} bytes left when a file could not be decoded")


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


def _channels(item: Item) -> list[_Channel]:
    oriented = item.region is not None or item.size is not None  # those who drew boxes saw the image as it is shown
    return [(_file(item, file), plane, oriented) for file, plane in zip(item.files, item.planes, strict=True)]


def _file(item: Item, file: str) -> _File:
    """Return a file, or an image's planes of an array."""
    name = f"{item.dir_name}/{file}"
    if not is_array(file):
        return name
    return Planes(name, tuple(plane for other, plane in zip(item.files, item.planes, strict=True) if other == file))


def _check_size(pixels: Array, stated: tuple[int, int] | None) -> None:
    """Reject a channel whose size differs from the stated one."""
    height, width = pixels.shape[:2]
    if stated is not None and stated != (width, height):
        found = f"the file shows {width} x {height} pixels, its source's table says {stated[0]} x {stated[1]}"
        raise RejectedError("mismatched", found)


def _cut(pixels: Array, region: tuple[int, int, int, int] | None) -> Array:
    """Return the region of a channel, clipped to it."""
    if region is None:
        return pixels
    x_min, x_max, y_min, y_max = region
    height, width = pixels.shape[:2]
    cut = pixels[max(0, y_min) : min(height, y_max), max(0, x_min) : min(width, x_max)]
    if cut.size == 0:
        raise RejectedError("unreadable", f"the box {region} lies outside the image of {width} x {height} pixels")
    return np.ascontiguousarray(cut)
