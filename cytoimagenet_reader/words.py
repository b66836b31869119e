"""Loads and stores of several bytes at once, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import inlined

U8 = npt.NDArray[np.uint8]
U = np.uint64  # numba mixes signed and unsigned 64 bits into floats: all of a sum is unsigned


@inlined
def load_word(data: U8, place: np.uint64) -> np.uint64:
    """Return 8 bytes as a little-endian word.

    LLVM makes one load of it.
    """
    low = (
        U(data[place])
        | U(data[place + U(1)]) << U(8)
        | U(data[place + U(2)]) << U(16)
        | U(data[place + U(3)]) << U(24)
    )  # fmt: skip
    high = (
        U(data[place + U(4)])
        | U(data[place + U(5)]) << U(8)
        | U(data[place + U(6)]) << U(16)
        | U(data[place + U(7)]) << U(24)
    )
    return low | high << U(32)


@inlined
def store_word(data: U8, place: np.uint64, word: np.uint64) -> None:
    """Store a word as 8 little-endian bytes.

    LLVM makes one store of it.
    """
    for k in range(8):
        data[place + U(k)] = np.uint8(word >> U(8 * k))
