"""Huffman codes of deflate (https://www.rfc-editor.org/rfc/rfc1951), made and written, compiled.

The code lengths are Huffman's, limited: codes that are too long are shortened, and to make up for it the longest
codes that can still grow are lengthened. There are loops even where numpy has a function: numba takes up to a second to
compile each array expression, which is too long for a few hundred numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit
from cytoimagenet_reader.png import deflate_format as rfc

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
State = tuple[int, np.uint64, int]  # where the next byte goes, the bits before it, and how many

_ORDER = rfc.CODE_ORDER
_LONGEST_LENGTH_CODE = rfc.LONGEST_LENGTH_CODE


@jit
def _sort(keys: I64) -> None:
    """Sort in place, by shrinking gaps."""
    for gap in (132, 57, 23, 10, 4, 1):
        for i in range(gap, keys.size):
            key, place = keys[i], i
            while place >= gap and keys[place - gap] > key:
                keys[place] = keys[place - gap]
                place -= gap
            keys[place] = key


@jit
def code_lengths(counts: I64, longest: int) -> I64:
    """Return the length of each symbol's code: int64 (symbols,).

    It is 0 for a symbol that does not occur; at least two must occur. Symbols are merged from the rarest on, lower
    numbers first where equally rare, symbols before what is merged.
    """
    keys = np.empty(counts.size, np.int64)
    used = 0
    for symbol in range(counts.size):
        if counts[symbol]:
            keys[used] = counts[symbol] << 9 | symbol
            used += 1
    rarest = keys[:used]
    _sort(rarest)
    weight, parent = np.empty(2 * used, np.int64), np.empty(2 * used, np.int64)
    for leaf in range(used):
        weight[leaf] = rarest[leaf] >> 9
    leaf, node = 0, used
    for new in range(used, 2 * used - 1):
        total = np.int64(0)
        for _ in range(2):
            if leaf < used and (node == new or weight[leaf] <= weight[node]):
                child = leaf
                leaf += 1
            else:
                child = node
                node += 1
            parent[child] = new
            total += weight[child]
        weight[new] = total
    depth = weight
    depth[2 * used - 2] = 0
    with_length = np.zeros(longest + 1, np.int64)
    for child in range(2 * used - 3, -1, -1):
        depth[child] = depth[parent[child]] + 1
        if child < used:
            with_length[min(depth[child], longest)] += 1
    _limit(with_length)
    lengths = np.zeros(counts.size, np.int64)
    place = 0
    for length in range(longest, 0, -1):
        for _ in range(with_length[length]):
            lengths[rarest[place] & 511] = length
            place += 1
    return lengths


@jit
def _limit(with_length: I64) -> None:
    """Make numbers of codes of each length satisfy Kraft's equality.

    A code of the longest that may grow becomes a pair with one of the longest.
    """
    longest = with_length.size - 1
    excess = -(1 << longest)
    for length in range(1, longest + 1):
        excess += with_length[length] << (longest - length)
    for _ in range(excess):
        shorter = longest - 1
        while with_length[shorter] == 0:
            shorter -= 1
        with_length[shorter] -= 1
        with_length[shorter + 1] += 2
        with_length[longest] -= 1


@jit
def canonical_codes(lengths: I64, codes: U32) -> None:
    """Write each symbol's code and its length (section 3.2.2).

    The code's first bit is the lowest; the length is from bit 16 on.
    """
    following = np.zeros(17, np.int64)
    for length in lengths:
        following[length + 1] += 1
    following[1] = 0  # symbols that do not occur
    code = np.int64(0)
    for length in range(1, 16):
        code = (code + following[length]) << 1
        following[length] = code
    for symbol in range(lengths.size):
        length, reverse = lengths[symbol], np.int64(0)
        code = following[length]
        following[length] += 1
        for _ in range(length):
            reverse = reverse << 1 | code & 1
            code >>= 1
        codes[symbol] = np.uint32(length << 16 | reverse)


@jit
def put(out: U8, position: int, bits: np.uint64, count: int, value: int, width: int) -> State:
    """Write ``width`` bits; return the new state."""
    bits |= np.uint64(value) << np.uint64(count)
    count += width
    while count >= 8:
        out[position] = np.uint8(bits)
        position += 1
        bits >>= np.uint64(8)
        count -= 8
    return position, bits, count


@jit
def block_header(lengths: I64, final: bool, out: U8, position: int, bits: np.uint64, count: int) -> State:
    """Write a dynamic block's header (section 3.2.7); return the state."""
    used = lengths.size
    while lengths[used - 1] == 0:
        used -= 1
    runs = np.empty((3, used + 1), np.int64)
    number = _length_runs(lengths, used, runs)
    symbols, extra, extra_bits = runs[0], runs[1], runs[2]
    counts = np.zeros(_ORDER.size, np.int64)
    for k in range(number):
        counts[symbols[k]] += 1
    own = code_lengths(counts, _LONGEST_LENGTH_CODE)
    codes = np.empty(own.size, np.uint32)
    canonical_codes(own, codes)
    width = own.size
    while width > 4 and own[_ORDER[width - 1]] == 0:
        width -= 1
    position, bits, count = put(out, position, bits, count, 4 + final, 3)
    position, bits, count = put(out, position, bits, count, (used - 257) | (width - 4) << 10, 14)
    for k in range(width):
        position, bits, count = put(out, position, bits, count, own[_ORDER[k]], 3)
    for k in range(number):
        code = np.int64(codes[symbols[k]])
        position, bits, count = put(out, position, bits, count, code & 0xFFFF, code >> 16)
        position, bits, count = put(out, position, bits, count, extra[k], extra_bits[k])
    return position, bits, count


@jit
def _length_runs(lengths: I64, used: int, runs: I64) -> int:
    """Run-length encode the code lengths; return the symbol count.

    ``used`` lengths and the distance code's are encoded. ``runs`` (int64 (3, used + 1)) receives the symbols, and the
    value and number of the bits after each.
    """
    number = start = 0
    while start <= used:
        value, end = lengths[start] if start < used else 1, start + 1
        while end <= used and (lengths[end] if end < used else 1) == value:
            end += 1
        run = end - start
        if value == 0 and run >= 3:
            run = min(run, 138)
            runs[0, number] = 17 if run <= 10 else 18
            runs[1, number] = run - 3 if run <= 10 else run - 11
            runs[2, number] = 3 if run <= 10 else 7
        elif value and run >= 4:
            run = min(run, 7)
            runs[0, number], runs[1, number], runs[2, number] = value, 0, 0
            number += 1
            runs[0, number], runs[1, number], runs[2, number] = 16, run - 4, 2
        else:
            run = 1
            runs[0, number], runs[1, number], runs[2, number] = value, 0, 0
        number += 1
        start += run
    return number
