"""Compiled decoding tables for the Huffman codes of deflate.

Specification: https://www.rfc-editor.org/rfc/rfc1951. Only codes as the encoder writes them are read: at most ``LOOK``
bits, and a single distance code.

An entry of a table has the width of the code in bits 0 to 5; of a literal, bits 8 and 9 say how many (1 or 2) and
bits 16 and up, and 24 and up, hold them; of any other symbol bit 12 is set, and bits 16 and up hold the symbol.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import inlined, jit
from cytoimagenet_reader.png import deflate_format as rfc
from cytoimagenet_reader.words import U, load_word

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

LOOK = rfc.LONGEST_CODE  # bits that a look into a code table takes in
LITERALS, SPECIAL, DAMAGED = 1 << 8, 1 << 12, U(0)
_CODE_ORDER = rfc.CODE_ORDER
_LONGEST_LENGTH_CODE = rfc.LONGEST_LENGTH_CODE


@inlined
def bits_from(data: U8, bit_pos: np.uint64) -> np.uint64:
    """Return at least 57 bits, the first lowest."""
    return load_word(data, bit_pos >> U(3)) >> (bit_pos & U(7))


@jit
def _bits(data: U8, bit_pos: np.uint64, count: int) -> int:
    return np.int64(bits_from(data, bit_pos) & ((U(1) << U(count)) - U(1)))


@jit
def read_block_header(data: U8, bit_pos: np.uint64, end: np.uint64, single: U32, table: U32) -> tuple[np.uint64, int]:
    """Read the header of a block and make its table.

    Parameters
    ----------
    data : uint8 (n,)
    bit_pos, end : where the header begins and the data end, in bits
    single : uint32 (2**LOOK,), written: one symbol a look
    table : uint32 (2**LOOK,), written: two literals a look where both fit

    Returns
    -------
    where the symbols begin, in bits, ``DAMAGED`` for a block that the encoder does not write; and 1 if it is the
    final block, plus 2 if it is an empty stored one
    """
    kind = _bits(data, bit_pos, 3)
    if kind == 0:  # stored
        bit_pos = (bit_pos + U(3 + 7)) & ~U(7)
        return (bit_pos + U(32) if _bits(data, bit_pos, 32) == 0xFFFF0000 else DAMAGED), 2
    used, distances = _bits(data, bit_pos + U(3), 5) + 257, _bits(data, bit_pos + U(8), 5)
    width = _bits(data, bit_pos + U(13), 4)
    bit_pos += U(17)
    if kind < 4 or kind > 5 or used > 286 or distances or bit_pos > end:
        return DAMAGED, 0
    own = np.zeros(19, np.int64)
    for k in range(width + 4):
        own[_CODE_ORDER[k]] = _bits(data, bit_pos, 3)
        bit_pos += U(3)
    short = np.empty(1 << _LONGEST_LENGTH_CODE, np.uint32)
    lengths = np.zeros(used + 1, np.int64)
    if not _fill_table(own, _LONGEST_LENGTH_CODE, short):
        return DAMAGED, 0
    bit_pos = _read_lengths(data, bit_pos, end, short, lengths)
    if bit_pos == DAMAGED or lengths[used] != 1:  # 1: the only distance code
        return DAMAGED, 0
    if not _fill_table(lengths[:used], LOOK, single):
        return DAMAGED, 0
    _pair_literals(single, table)
    return bit_pos, kind & 1


@jit
def _read_lengths(data: U8, bit_pos: np.uint64, end: np.uint64, short: U32, lengths: I64) -> np.uint64:
    """Read code lengths; return their end (bits) or ``DAMAGED``."""
    done = np.int64(0)
    while done < lengths.size:
        if bit_pos > end:
            return DAMAGED
        entry = np.int64(short[_bits(data, bit_pos, _LONGEST_LENGTH_CODE)])
        bit_pos += U(entry & 63)
        symbol = entry >> 16
        if symbol < 16:
            lengths[done] = symbol
            done += 1
            continue
        more = 2 if symbol == 16 else 3 if symbol == 17 else 7
        run = (11 if symbol == 18 else 3) + _bits(data, bit_pos, more)
        value = 0 if symbol > 16 else lengths[done - 1] if done else np.int64(99)
        bit_pos += U(more)
        if done + run > lengths.size:
            return DAMAGED
        for _ in range(run):  # array expressions take numba long to compile
            lengths[done] = value
            done += 1
    return bit_pos


@inlined
def _reversed(code: np.uint64, length: int) -> np.uint64:
    """Return a code (at most 16 bits) first bit lowest."""
    code = (code & U(0x5555)) << U(1) | code >> U(1) & U(0x5555)
    code = (code & U(0x3333)) << U(2) | code >> U(2) & U(0x3333)
    code = (code & U(0x0F0F)) << U(4) | code >> U(4) & U(0x0F0F)
    code = (code & U(0x00FF)) << U(8) | code >> U(8) & U(0x00FF)
    return code >> (U(16) - U(length))


@jit
def _fill_table(lengths: I64, longest: int, table: U32) -> bool:
    """Fill a decoding table; return whether the code is complete.

    ``table`` (uint32 (2**longest,)) holds what any next bits begin with. Codes are entered from the shortest to the
    longest: the entries of n bits, copied behind themselves, are those of n + 1 bits, but for the codes of that length.
    """
    counts, place = np.zeros(longest + 1, np.int64), np.zeros(longest + 1, np.int64)
    for length in lengths:
        if length > longest:
            return False
        counts[length] += 1
    shares = np.int64(0)
    for length in range(1, longest + 1):
        place[length] = place[length - 1] + counts[length - 1]
        shares = 2 * shares + counts[length]
    if shares != 1 << longest:
        return False
    ordered = np.empty(lengths.size, np.int64)
    for symbol in range(lengths.size):
        ordered[place[lengths[symbol]]] = symbol
        place[lengths[symbol]] += 1
    code, done, half = U(0), counts[0], 1
    for length in range(1, longest + 1):
        for k in range(half):
            table[half + k] = table[k]
        half *= 2
        code <<= U(1)
        for n in range(done, done + counts[length]):
            symbol = ordered[n]
            table[_reversed(code, length)] = np.uint32(symbol << 16 | (LITERALS if symbol < 256 else SPECIAL) | length)
            code += U(1)
        done += counts[length]
    return True


@jit
def _pair_literals(single: U32, table: U32) -> None:
    """Make a table that pairs two literals where both fit."""
    for place in range(1 << LOOK):
        entry = single[place]
        other = single[place >> np.int64(entry & np.uint32(63))]
        width = (entry & np.uint32(63)) + (other & np.uint32(63))
        if width <= np.uint32(LOOK) and (entry | other) & np.uint32(SPECIAL) == np.uint32(0):
            entry = (entry & np.uint32(0xFF0000)) | other >> np.uint32(16) << np.uint32(24)
            entry |= np.uint32(2 * LITERALS) | width
        table[place] = entry
