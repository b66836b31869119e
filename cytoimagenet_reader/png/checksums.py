"""Adler-32 (https://www.rfc-editor.org/rfc/rfc1950), compiled: for use inside other compiled passes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit


@jit
def adler32(data: npt.NDArray[np.uint8]) -> int:
    """Return the Adler-32 checksum of bytes."""
    low, high = np.int64(1), np.int64(0)
    for start in range(0, data.size, 2048):  # sums of so many fit into 32 bits
        piece = data[start : start + 2048]
        size = piece.size
        plain, weighted = np.uint32(0), np.uint32(0)
        for i in range(size):
            plain += np.uint32(piece[i])
            weighted += np.uint32(size - i) * np.uint32(piece[i])
        high = (high + low * size + np.int64(weighted)) % 65521
        low = (low + np.int64(plain)) % 65521
    return high << 16 | low
