"""Near-duplicates: pairs of perceptual hashes that differ in few bits, without comparing all with all.

Hashes that differ in at most k bits agree in at least one of k + 1 bands of bits (the pigeonhole principle; Manku, Jain
& Das Sarma, WWW 2007, "Detecting near-duplicates for web crawling"), so only hashes that share a band are compared.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

_MOST_IN_A_BAND = 2000


def near_pairs(hashes: U64, most_bits: int = 3) -> tuple[I64, I64]:
    """Return the pairs of hashes that differ in at most ``most_bits`` of their 64 bits.

    Parameters
    ----------
    hashes : uint64 (n,)
    most_bits : 0 to 15

    Returns
    -------
    pairs : int64 (m, 2), places in ``hashes``, the first of a pair before the second, sorted
    crowded : int64 (c,), places whose band holds over 2,000 hashes (blank images, for instance): of these only
        neighbours in the order of the hashes are compared, for a crowd has more pairs than a report can use
    """
    if not 0 <= most_bits <= 15:
        raise ValueError(f"most_bits lies in [0, 15], not {most_bits}")
    bounds = np.arange(most_bits + 2) * 64 // (most_bits + 1)
    found, crowded = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        mask = np.uint64(((1 << (high - low)) - 1) << low)
        order = np.lexsort((hashes, hashes & mask))
        bands = (hashes & mask)[order]
        starts = np.flatnonzero(np.r_[True, bands[1:] != bands[:-1]])
        sizes = np.diff(np.r_[starts, bands.size])
        size = np.repeat(sizes, sizes)
        last = np.repeat(starts + sizes, sizes)
        crowded.append(order[size > _MOST_IN_A_BAND])
        for step in range(1, min(int(sizes.max(initial=0)), _MOST_IN_A_BAND)):
            at = np.flatnonzero((np.arange(bands.size) + step < last) & ((size <= _MOST_IN_A_BAND) | (step == 1)))
            if at.size == 0:
                break
            one, other = order[at], order[at + step]
            close = _bits(hashes[one] ^ hashes[other]) <= most_bits
            found.append(np.sort(np.stack([one[close], other[close]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0), np.unique(np.concatenate(crowded))


def _bits(values: U64) -> npt.NDArray[np.uint8]:
    """Return the number of bits set in each."""
    if hasattr(np, "bitwise_count"):
        counted: npt.NDArray[np.uint8] = np.bitwise_count(values)
        return counted
    bits: npt.NDArray[np.uint8] = np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1)
    out: npt.NDArray[np.uint8] = bits.sum(axis=1, dtype=np.uint8)
    return out
