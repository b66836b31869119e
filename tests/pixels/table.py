"""Rows of the table of files; their made-up pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.pixels.made_up_files import made_up

HEIGHT, WIDTH = 19, 22

SEEN = {  # orientation -> stored pixels as they are seen (TIFF 6.0, page 36), by numpy's own names for it
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A recipe for a file, and the expected reading.

    Exactly one of ``pixels`` (what ``read`` gives), ``channels`` (what ``read_channels`` gives) and ``refused`` (a
    pattern that the reason matches) is set. ``tolerance`` is the largest mean difference, 0 for the same to the bit.
    """

    name: str
    make: Callable[[], bytes]
    pixels: Any = None
    channels: Any = None
    refused: str | None = None
    tolerance: float = 0
    plane: int = 0
    oriented: bool = False


def grey(seed: int = 1, dtype: str = "uint8") -> np.ndarray:
    return made_up(seed, dtype, (HEIGHT, WIDTH))


def samples(count: int, seed: int = 2, dtype: str = "uint8") -> np.ndarray:
    return made_up(seed, dtype, (HEIGHT, WIDTH, count))


def bits(count: int, seed: int = 3) -> np.ndarray:
    """Return whole numbers that use all of ``count`` bits."""
    rng = np.random.default_rng(seed)
    dtype = next(f"uint{size}" for size in (8, 16, 32, 64) if count <= size)
    return rng.integers(0, 1 << count, (HEIGHT, WIDTH), dtype=np.uint64).astype(dtype)


def packed(values: np.ndarray, count: int, padded: bool = True) -> bytes:
    """Pack samples of ``count`` bits, the highest first.

    Each row begins with a new byte, unless they follow each other without padding.
    """
    rows = values.reshape(values.shape[0], -1).astype(np.uint64)
    each = (rows[..., None] >> np.arange(count - 1, -1, -1, dtype=np.uint64) & np.uint64(1)).astype(np.uint8)
    each = each.reshape(rows.shape[0], -1)
    return np.packbits(each, axis=1).tobytes() if padded else np.packbits(each.reshape(-1)).tobytes()
