"""Constants of the deflate format and of our streams.

Specification: https://www.rfc-editor.org/rfc/rfc1951.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

BLOCK: Final = 1 << 15  # bytes under one Huffman code; a rest below a quarter of it joins the block before
LONGEST_CODE: Final = 11  # bits; 15 may be used, but five codes of 11 fit into one look at 64 bits of a stream
SHORTEST_RUN: Final = (
    6  # repeats of a byte that become a match: in noise, codes of their own for shorter ones cost more
)
LONGEST_MATCH: Final = 258
SYMBOLS: Final = 286  # bytes, the end of a block, and 29 length codes
END_OF_BLOCK: Final = 256
LENGTH_BASE: Final = np.array(
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
)
"""The shortest match of each length code (section 3.2.5)."""
LENGTH_BITS: Final = np.array([0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0])
"""Bits that follow each length code."""
LENGTH_CODE: Final = np.searchsorted(LENGTH_BASE, np.arange(LONGEST_MATCH + 1), side="right") - 1
"""The length code, from 0, of each match; meaningless below 3."""
CODE_ORDER: Final = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])
"""The order in which the lengths of the code length code are written (section 3.2.7)."""
LONGEST_LENGTH_CODE: Final = 7


def blocks(start: int, end: int) -> list[tuple[int, int]]:
    """Return the blocks of a byte range, each (start, end)."""
    count = max(1, (end - start + BLOCK // 4 * 3) // BLOCK)
    bounds = [*range(start, start + count * BLOCK, BLOCK), end]
    return list(itertools.pairwise(bounds))


def most_bytes(count: int) -> int:
    """Return an upper bound on a deflated band's size.

    It includes room for a store of 8 bytes at the end.
    """
    return count * LONGEST_CODE // 8 + 512 * (count // BLOCK + 2)
