"""Planes of Zarr arrays of versions 2 and 3.

The last two axes are y and x; planes are numbered in C order of the others. zarr-python decodes; it is given the files
of the wanted planes and reads none itself, so that a fault of the machine cannot be taken for a missing chunk.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from builder.errors import RejectedError, UnavailableError
from builder.pixels.formats import limits
from builder.pixels.formats.zarr_chunks import Wholeness

METADATA: Final[tuple[str, ...]] = (".zarray", "zarr.json")
"""Files that say what an array is, of versions 2 and 3."""
_HOW: Final = "pip install 'cytoimagenet[zarr]' (Python 3.11 and later)"


class ArrayFiles(NamedTuple):
    """Files of an array that some planes need.

    Parameters
    ----------
    metadata : content of those of ``METADATA`` that there are
    chunks : content of the wanted chunks and shards that there are, by name
    project : the largest value over so many planes is wanted, the first of which is named
    fill : whether a chunk without a file is the fill value; else such planes are refused
    """

    metadata: Mapping[str, bytes]
    chunks: Mapping[str, bytes]
    project: int = 1
    fill: bool = False

    @property
    def size(self) -> int:
        """Return the bytes of the chunks."""
        return sum(map(len, self.chunks.values()))


def needed(metadata: Mapping[str, bytes], planes: Sequence[int], project: int, max_pixels: int) -> list[str]:
    """Return the chunks or shards of these planes.

    Raises
    ------
    RejectedError
        For metadata that cannot be read, sizes beyond the limit, and a plane that is not there.
    UnavailableError
        Where zarr-python is not installed.
    """
    array = _opened(tuple(sorted(metadata.items())), max_pixels)
    numbers = [first + step for first in planes for step in range(project)]
    return list(dict.fromkeys(name for number in numbers for name in _names(array, number)))


def decode(files: ArrayFiles, plane: int, max_pixels: int) -> limits.Plane:
    """Return a plane at its own depth.

    Raises
    ------
    RejectedError
        As ``needed``, for chunks that cannot be decoded, and for planes of which chunks are missing.
    """
    array = _opened(tuple(sorted(files.metadata.items())), max_pixels)
    numbers = range(plane, plane + files.project)
    wholeness = Wholeness(files.metadata, math.prod(array.shards or ()) // math.prod(array.chunks))
    for number in numbers:
        names = list(_names(array, number))
        missing = sum(name not in files.chunks for name in names)
        if missing and not files.fill:
            raise limits.unreadable(
                f"{missing} of {len(names)} chunks of plane {number} have no file: is the copy whole? "
                'Where they are meant to be blank, files.missing_chunks = "fill" takes it'
            )
        for name in names:
            if name in files.chunks:
                wholeness.check(name, files.chunks[name])
    try:
        with_chunks = _module().open_array(store=_store({**files.metadata, **files.chunks}), mode="r")
        found = [_plane(with_chunks, number) for number in numbers]
    except MemoryError:
        raise
    except Exception as error:  # codecs raise arbitrary exceptions: the reject records them
        raise limits.unreadable(f"zarr: {type(error).__name__}: {error}") from error
    return limits.pick(len(found), limits.MAX_PROJECTION, lambda number: limits.Plane((found[number],)))


def _plane(array: Any, number: int) -> Any:
    return np.asarray(array[np.unravel_index(number, array.shape[:-2])] if array.ndim > 2 else array[...])


@functools.lru_cache(maxsize=8)
def _opened(metadata: tuple[tuple[str, bytes], ...], max_pixels: int) -> Any:
    """Return the array, without chunks; check its sizes."""
    try:
        array = _module().open_array(store=_store(dict(metadata)), mode="r")
        height, width = array.shape[-2:]
        chunk, item = math.prod(array.chunks), array.dtype.itemsize
        kind = array.dtype.kind
    except UnavailableError:
        raise
    except Exception as error:  # whatever metadata can hold
        raise limits.unreadable(f"zarr: {type(error).__name__}: {error}") from error
    if kind not in "buif":
        raise limits.unreadable(f"Zarr array of type {array.dtype}")
    limits.check_size(width, height, max_pixels, item)
    if chunk * item > 2 * max_pixels:
        raise RejectedError("too_large", f"chunks of {chunk} values of {item} bytes, the limit is {2 * max_pixels}")
    return array


def _names(array: Any, number: int) -> Iterator[str]:
    """Yield the names of the files that hold a plane."""
    leading = array.shape[:-2]
    count = math.prod(leading)
    if not 0 <= number < count:
        raise limits.unreadable(f"plane {number} of {count} (the first is 0)")
    sides = array.shards or array.chunks
    position = [int(place) // side for place, side in zip(np.unravel_index(number, leading), sides, strict=False)]
    rows, columns = (range(-(-extent // side)) for extent, side in zip(array.shape[-2:], sides[-2:], strict=True))
    for row, column in itertools.product(rows, columns):
        yield array.metadata.encode_chunk_key((*position, row, column))


def _store(files: Mapping[str, bytes]) -> Any:
    buffer = _buffer()
    return _module().storage.MemoryStore({name: buffer.from_bytes(content) for name, content in files.items()})


@functools.cache
def _module() -> Any:
    """Return zarr-python, kept to one thread.

    Raises
    ------
    UnavailableError
        Where it is not installed: no fact about an image.
    """
    try:
        import zarr
        import zarr.storage
    except ImportError as error:
        raise UnavailableError(f"OME-Zarr is read by zarr-python 3, which is not installed ({error}): {_HOW}") from None
    zarr.config.set({"threading.max_workers": 1, "async.concurrency": 1})
    return zarr


@functools.cache
def _buffer() -> Any:
    from zarr.core.buffer.cpu import Buffer

    return Buffer
