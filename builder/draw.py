"""Seeded draws that depend on names only.

They never depend on order, process or library version. A draw is the SplitMix64 output function (Steele, Lea & Flood,
OOPSLA 2014, figure 16) over a 64-bit key; keys come from sha256 of what the draw is for: (seed, label) or (seed, idx).
numpy's generators are not used because their streams may change between releases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U64 = npt.NDArray[np.uint64]
T = TypeVar("T")

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def key64(*parts: str | int) -> int:
    """Return the 64-bit key of a name given in parts.

    ``("a", "b")`` and ``("ab",)`` have different keys.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "little")


def mix64(values: U64, salt: int) -> U64:
    """Return SplitMix64 outputs of ``values + salt``.

    The pseudo-random uint64 results have the shape of ``values``.
    """
    with np.errstate(over="ignore"):
        z = values + np.uint64(salt & _MASK)
        z = z + np.uint64(_GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out: U64 = z ^ (z >> np.uint64(31))
    return out


def row_keys(texts: pa.Array | pa.ChunkedArray) -> U64:
    """Return one uint64 key per text, shape (n,).

    A key depends on the text's UTF-8 bytes only. The bytes are read as little-endian 64-bit words, the last one padded
    with zeros, and folded in turn into the length with `mix64`. Made for millions of ids: sha256 of each (`key64`)
    takes ten times as long. Nulls get the key of "".
    """
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    parts = [_keys_of(chunk) for chunk in chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _keys_of(texts: pa.Array) -> U64:
    texts = texts.cast(pa.large_string()).fill_null("")
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    padded = np.zeros(int(ends[-1]) + 8, np.uint8)  # so that the last text's last word lies inside
    if data is not None:
        padded[:-8] = np.frombuffer(data, np.uint8, int(ends[-1]))
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # a word from every byte on
    starts, left = ends[:-1].copy(), np.diff(ends)
    keys = mix64(left.astype(np.uint64), 0)
    rows: npt.NDArray[np.intp] | slice = slice(None)
    while left.size and left.max() > 0:
        if left.min() <= 0:
            more = np.flatnonzero(left > 0)
            rows = more if isinstance(rows, slice) else rows[more]
            starts, left = starts[more], left[more]
        unused = (8 * (8 - np.minimum(left, 8))).astype(np.uint64)  # bits of the word that belong to the next text
        keys[rows] = mix64(keys[rows] ^ (words[starts] << unused), 1)
        starts, left = starts + 8, left - 8
    return keys


class Draw:
    """A stream of draws for one purpose.

    For instance ``Draw(seed, idx, "crops")``.
    """

    def __init__(self, *name: str | int) -> None:
        self._key = self._state = key64(*name)

    def branch(self, *name: str | int) -> Draw:
        """Return an independent stream with an extended name.

        It depends on this stream's name and the new one, not on what was drawn.
        """
        return Draw(self._key, *name)

    def bits(self) -> int:
        """Return the next 64 random bits."""
        self._state = (self._state + _GOLDEN) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """Return an integer in ``[0, bound)``.

        The bias of the multiply-shift is below ``bound / 2**64``.
        """
        if bound < 1:
            raise ValueError(f"a draw needs a positive bound, got {bound}")
        return (self.bits() * bound) >> 64

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a drawn order.

        Fisher-Yates from the front: a prefix does not depend on what follows.
        """
        out = list(items)
        for i in range(len(out) - 1):
            j = i + self.below(len(out) - i)
            out[i], out[j] = out[j], out[i]
        return out
