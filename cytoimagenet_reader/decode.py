"""Decoding of a package's PNGs, faster than Pillow.

``decode`` and its siblings return arrays, several times as fast.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from cytoimagenet_reader.pillow import pillow_pixels, pillow_resized
from cytoimagenet_reader.png.chunks import SIGNATURE, Png, parse, with_rows
from cytoimagenet_reader.png.inflate import check_filters, inflate

U8 = np.ndarray[Any, np.dtype[np.uint8]]

_PILLOW_WARMUP_IMAGES = 64
_images_decoded = itertools.count()
_MOST_PIXELS = 1 << 28  # of an image that is inflated here; larger ones meet Pillow's own limit


def decode(data: bytes | memoryview) -> U8:
    """Return the pixels of a grey PNG: uint8 (H, W).

    An 8-bit grey PNG that is not interlaced, as the package holds, is decoded by compiled kernels
    (``cytoimagenet_reader.png``); anything else is left to Pillow, and so are the first images of a process. Whichever
    decodes, the chunks are checked and the data inflated within their declared size.

    Raises
    ------
    ValueError
        Where the bytes are no image that Pillow can read, or a damaged one.
    """
    return _pixels(data, _kernels_after_warmup())


def decode_resized(data: bytes | memoryview, size: tuple[int, int], out: U8 | None = None) -> U8:
    """Return a grey PNG's pixels resized to ``size``.

    ``size`` is (H, W); the result is uint8, that of Pillow's antialiased bilinear ``resize``. ``out`` (uint8, of that
    shape, contiguous) takes the result. Raises as ``decode`` does.
    """
    if out is None:
        out = np.empty(size, np.uint8)
    kernels = _kernels_after_warmup()
    pixels = _pixels(data, kernels)
    if pixels.shape == tuple(size):
        out[:] = pixels
    elif kernels is None:
        out[:] = pillow_resized(pixels, size)
    else:
        kernels.resize(pixels, out)
    return out


def decode_batch(
    images: Sequence[bytes | memoryview], size: tuple[int, int] | None = None, threads: int | None = None
) -> list[U8] | U8:
    """Return the pixels of many grey PNGs.

    Threads decode them, as many as cores by default. Returns a list of uint8 (H, W), or with ``size`` one uint8 (N, H,
    W). Raises as ``decode`` does.
    """
    threads = min(threads or os.cpu_count() or 1, len(images))
    if size is None:
        found: list[Any] = [None] * len(images)
        _each_by_threads(lambda i: found.__setitem__(i, decode(images[i])), len(images), threads)
        return found
    out = np.empty((len(images), *size), np.uint8)
    _each_by_threads(lambda i: decode_resized(images[i], size, out[i]), len(images), threads)
    return out


def _each_by_threads(function: Callable[[int], object], count: int, threads: int) -> None:
    """Call a function with each index, using several threads.

    The indices are those below ``count``; the calling thread is one of ``threads``. A thread takes its next number
    itself: a future for each would cost a switch of threads per image. Where calls fail, the error of the lowest number
    is raised, as one thread would.
    """
    todo = deque(range(count))
    failed: dict[int, Exception] = {}

    def run() -> None:
        while todo and not failed:
            try:
                number = todo.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                function(number)
            except Exception as error:  # noqa: BLE001 -- raised below
                failed[number] = error

    with contextlib.ExitStack() as stack:
        if threads > 1:
            pool = stack.enter_context(ThreadPoolExecutor(threads - 1))
            for _ in range(threads - 1):
                pool.submit(run)
        stack.callback(todo.clear)  # before the others are waited for, should this one be interrupted
        run()
    if failed:
        raise failed[min(failed)]


class Kernels(NamedTuple):
    """The compiled kernels."""

    decode_plain: Callable[[bytes | memoryview, Png], U8]
    resize: Callable[[U8, U8], None]


@functools.cache
def _kernels() -> Kernels:
    """Return the compiled kernels, imported in about a second."""
    from cytoimagenet_reader.png.decoder import decode_plain
    from cytoimagenet_reader.resize import resize

    return Kernels(decode_plain, resize)


def _kernels_after_warmup() -> Kernels | None:
    """Return the compiled kernels, None for the first images.

    A process that decodes only a few images need not wait for them. Loading them takes a process as long as Pillow
    needs for some hundred images; compiling them, once per machine, some ten seconds.
    """
    return _kernels() if next(_images_decoded) >= _PILLOW_WARMUP_IMAGES else None


def _pixels(data: bytes | memoryview, kernels: Kernels | None) -> U8:
    """Return the same pixels, or error, with or without kernels."""
    if data[:8] != SIGNATURE:
        return pillow_pixels(data)
    png = parse(data)
    height, width = png.header.height, png.header.width
    if not png.is_plain or height * width > _MOST_PIXELS:
        return pillow_pixels(data)
    if kernels is not None:
        return kernels.decode_plain(data, png)
    rows = np.empty((height, width + 1), np.uint8)
    inflate(data, png.data, rows)
    check_filters(rows)
    return pillow_pixels(with_rows(png.header, rows.data))
