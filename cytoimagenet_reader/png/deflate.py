"""Deflate (https://www.rfc-editor.org/rfc/rfc1951) with matches of distance 1 only, compiled.

A stretch of bytes is cut into blocks with a Huffman code each. A block is literals and, where a byte repeats at least
``SHORTEST_RUN`` times, matches with the byte before. The noise of a camera leaves next to no runs, so four bytes at a
time are looked up, joined and stored without a branch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit
from cytoimagenet_reader.png import deflate_format as rfc
from cytoimagenet_reader.png.huffman import block_header, canonical_codes, code_lengths, put
from cytoimagenet_reader.words import U, store_word

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

_BLOCK = rfc.BLOCK
_SHORTEST_RUN = rfc.SHORTEST_RUN
_LONGEST_MATCH = rfc.LONGEST_MATCH
_LONGEST_CODE = rfc.LONGEST_CODE
_SYMBOLS = rfc.SYMBOLS
_END_OF_BLOCK = rfc.END_OF_BLOCK
_LENGTH_BASE = rfc.LENGTH_BASE
_LENGTH_BITS = rfc.LENGTH_BITS
_LENGTH_CODE = rfc.LENGTH_CODE


def deflate(data: U8, start: int, end: int, last: bool) -> bytes:
    """Return ``data[start:end]`` deflated.

    ``data`` is uint8 (n,), and start < end. Later stretches can follow, unless it is the last. Nothing refers to bytes
    before ``start``, and the end is on a whole byte: each stretch can be inflated on its own.
    """
    out = np.empty(rfc.most_bytes(end - start), np.uint8)
    return out[: _deflate(data, start, end, last, out)].tobytes()


@jit
def _deflate(data: U8, start: int, end: int, last: bool, out: U8) -> int:
    """Write to ``out`` and return how many bytes."""
    counts, codes = np.empty(_SYMBOLS, np.int64), np.empty(_SYMBOLS, np.uint32)
    runs = np.empty(_BLOCK + _BLOCK // 4, np.uint8)
    number = max(1, (end - start + _BLOCK // 4 * 3) // _BLOCK)
    position, bits, count = 0, U(0), 0
    for k in range(number):
        low = start + k * _BLOCK
        high = end if k == number - 1 else low + _BLOCK
        block = data[low:high]
        _mark_runs(block, runs)
        _count(block, runs, counts)
        lengths = code_lengths(counts, _LONGEST_CODE)
        canonical_codes(lengths, codes)
        position, bits, count = block_header(lengths, last and high == end, out, position, bits, count)
        position, bits, count = _write(block, runs, codes, out, position, bits, count)
    if not last:
        position, bits, count = put(out, position, bits, count, 0, 3)  # an empty stored block
    if count:
        out[position] = np.uint8(bits)
        position += 1
    if not last:
        out[position], out[position + 1], out[position + 2], out[position + 3] = 0, 0, 255, 255
        position += 4
    return position


@jit
def _mark_runs(block: U8, runs: U8) -> None:
    """Mark where enough bytes repeat the preceding one to match."""
    runs[: block.size] = 0
    marked = block.size - _SHORTEST_RUN
    if marked > 0:
        target = runs[1 : 1 + marked]
        target[:] = 1
        for k in range(_SHORTEST_RUN):
            one, next_one = block[k : k + marked], block[k + 1 : k + 1 + marked]
            for i in range(marked):
                target[i] &= np.uint8(one[i] == next_one[i])


@jit
def _match(block: U8, start: int) -> int:
    """Return the length of the match at a run."""
    stop = min(block.size, start + _LONGEST_MATCH)
    value, end = block[start], start
    while end < stop and block[end] == value:
        end += 1
    return end - start


@jit
def _count(block: U8, runs: U8, counts: I64) -> None:
    """Count the symbols of a block.

    Four tables are used, so that a repeated byte does not wait for its own last store.
    """
    tables = np.zeros((4, 256), np.uint32)
    for symbol in range(_SYMBOLS):
        counts[symbol] = 0
    one, two, three, step = U(1), U(2), U(3), np.uint32(1)
    size, fours = U(block.size), U(max(block.size - 3, 0))
    i = U(0)
    while i < size:
        if i < fours and (runs[i] | runs[i + one] | runs[i + two] | runs[i + three]) == 0:
            tables[0, block[i]] += step
            tables[1, block[i + one]] += step
            tables[2, block[i + two]] += step
            tables[3, block[i + three]] += step
            i += U(4)
        elif runs[i]:
            length = _match(block, np.int64(i))
            counts[_END_OF_BLOCK + 1 + _LENGTH_CODE[length]] += 1
            i += U(length)
        else:
            tables[0, block[i]] += step
            i += one
    for value in range(256):
        counts[value] = np.int64(tables[0, value]) + tables[1, value] + tables[2, value] + tables[3, value]
    counts[_END_OF_BLOCK] = 1


@jit
def _write(
    block: U8, runs: U8, codes: U32, out: U8, out_pos: int, bits: np.uint64, filled: int
) -> tuple[int, np.uint64, int]:
    """Write a block's symbols and end; return the new state.

    The state is the place, and the bits that do not fill a byte yet.
    """
    code_of, length_at, three, seven, one = U(0xFFFF), U(16), U(3), U(7), U(1)
    position, count = U(out_pos), U(filled)
    size, fours = U(block.size), U(max(block.size - 3, 0))
    i = U(0)
    while i <= size:
        if i < fours and (runs[i] | runs[i + one] | runs[i + U(2)] | runs[i + three]) == 0:
            a, b = U(codes[block[i]]), U(codes[block[i + one]])
            c, d = U(codes[block[i + U(2)]]), U(codes[block[i + three]])
            first, second = a >> length_at, c >> length_at
            pair, next_pair = (a & code_of) | (b & code_of) << first, (c & code_of) | (d & code_of) << second
            first += b >> length_at
            bits |= (pair | next_pair << first) << count  # at most 44 bits above 7
            count += first + second + (d >> length_at)
            i += U(4)
        elif i < size and runs[i]:
            length = _match(block, np.int64(i))
            kind = _LENGTH_CODE[length]
            code = U(codes[_END_OF_BLOCK + 1 + kind])
            bits |= (code & code_of) << count
            count += code >> length_at
            bits |= U(length - _LENGTH_BASE[kind]) << count
            count += U(_LENGTH_BITS[kind] + 1)  # and the distance: the only code is 0
            i += U(length)
        else:
            code = U(codes[block[i] if i < size else np.int64(_END_OF_BLOCK)])
            bits |= (code & code_of) << count
            count += code >> length_at
            i += one
        store_word(out, position, bits)
        whole = count >> three
        position += whole
        bits >>= whole << three
        count &= seven
    return np.int64(position), bits, np.int64(count)
