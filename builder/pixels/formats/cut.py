"""Detection of truncated coded data.

It is for decoders that fill up with grey where data end, and do not say so. Data that are whole give the same pixels
whatever follows them. Data that were cut take the bits they lack from what follows, so two different ends give two
different images, or an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_TAILS: Final = tuple(np.random.default_rng(seed).integers(0, 255, 192, dtype=np.uint8).tobytes() for seed in range(2))
"""Bytes that could go on: never 0xff, which begins a marker in JPEG."""


def is_cut(decode: Callable[[bytes], npt.NDArray[Any]], data: bytes, end: bytes = b"") -> bool:
    """Return whether the pixels depend on what follows the data.

    Parameters
    ----------
    decode : gives the pixels of data
    end : what must come last for ``decode`` to read at all
    """
    try:
        one, other = (decode(data + tail + end) for tail in _TAILS)
    except (OSError, RuntimeError, SyntaxError, ValueError):  # the tail was read: whole data would not have come to it
        return True
    return not np.array_equal(one, other)
