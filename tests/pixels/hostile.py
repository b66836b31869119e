"""Reads a few thousand broken files.

They are the made-up ones with seeded damage. test_hostile.py runs this in a process of its own.
"""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Iterator

import imagecodecs
import numpy as np

from builder.engine.memory import own_peak_memory
from builder.errors import RejectedError
from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE, read
from tests.pixels.made_up_files import files

EXTREMES = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 50_000]


def damaged(data: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield damaged versions of a file.

    It is cut, has bits flipped or numbers of its header replaced, and pieces moved or repeated.
    """
    size = len(data)
    for end in (rng.integers(0, 60), rng.integers(0, size), size - rng.integers(1, 30)):
        yield data[: max(0, int(end))]
    for flips in (1, 8, 64):
        out = bytearray(data)
        for at in rng.integers(0, size, flips):
            out[at] ^= 1 << int(rng.integers(0, 8))
        yield bytes(out)
    for order in "<>":
        for place in (rng.integers(0, min(size - 4, 300)), rng.integers(0, size - 4)):
            out = bytearray(data)
            struct.pack_into(f"{order}I", out, int(place), EXTREMES[int(rng.integers(0, len(EXTREMES)))])
            yield bytes(out)
    start, end = sorted(int(at) for at in rng.integers(0, size, 2))
    yield data[:start] + bytes(end - start) + data[end:]
    yield data[:start] + data[end:]
    yield data[:end] + data[start:end] + data[end:]
    yield data[:start] + rng.bytes(end - start) + data[end:]


def run() -> tuple[int, float, int, Counter[str]]:
    """Read all broken files; return what that took.

    How many there are, the slowest's seconds, the peak of memory in bytes, and the outcomes.
    """
    outcomes: Counter[str] = Counter()
    slowest, count = 0.0, 0
    for number, (name, whole, _) in enumerate(files()):
        read(whole)  # compiles what is to be compiled
        rng = np.random.default_rng(number)
        for data in damaged(whole, rng):
            plane = (0, 0, 0, 1, MIDDLE_PLANE, MAX_PROJECTION)[count % 6]
            start = time.perf_counter()
            try:
                pixels = read(data, plane)
            except RejectedError as error:
                outcomes[error.reason] += 1
                if not error.detail:
                    raise AssertionError(f"{name}: a reject without a detail") from error
            else:
                outcomes["read"] += 1
                if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "buif" or pixels.size > 150_000_000:
                    raise AssertionError(f"{name}: {pixels.shape} {pixels.dtype}")
                if name.startswith("png") and not same_as_libpng(data, pixels):
                    raise AssertionError(f"{name}: libpng reads other pixels")
            slowest = max(slowest, time.perf_counter() - start)
            count += 1
    return count, slowest, own_peak_memory() or 0, outcomes


def same_as_libpng(data: bytes, pixels: np.ndarray) -> bool:
    """Does libpng give these pixels, opacity dropped?

    It is the reader where nothing is compiled.
    """
    try:
        wanted = imagecodecs.png_decode(data)
    except imagecodecs.PngError:
        return False
    colours = 1 if wanted.ndim == 2 or wanted.shape[2] < 3 else 3
    wanted = wanted.reshape(*wanted.shape[:2], -1)[..., :colours]
    return np.array_equal(wanted, pixels.reshape(*pixels.shape[:2], -1)[..., :colours])
