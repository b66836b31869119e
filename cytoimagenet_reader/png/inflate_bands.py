"""Compiled inflation of four deflated bands side by side.

Specification: https://www.rfc-editor.org/rfc/rfc1951. One stream keeps a processor waiting for the length of each code;
four give it something to do meanwhile. Bands are as ``encoder`` writes them: dynamic codes of at most 11 bits, matches
of distance 1, and an empty stored block at the end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import inlined, jit
from cytoimagenet_reader.png import deflate_format as rfc
from cytoimagenet_reader.png.code_tables import DAMAGED, LOOK, SPECIAL, bits_from, read_block_header
from cytoimagenet_reader.words import U

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

_HEADER_NEXT, _IN_BLOCK, _ENDED, _BROKEN = 0, 1, 2, 3
_LENGTH_BASE, _LENGTH_BITS = rfc.LENGTH_BASE, rfc.LENGTH_BITS


@jit
def inflate_bands(data: U8, starts: U64, ends: U64, out: U8, bounds: U64) -> bool:
    """Inflate four bands; return False for anything unexpected.

    ``out`` is then in any state. At least 20 bytes of ``data`` must follow the last band, which is what reading 8 bytes
    at a time may look beyond it.

    Parameters
    ----------
    data : uint8 (n,)
    starts, ends : uint64 (4,), in bits
    out : uint8, written
    bounds : uint64 (5,), where in ``out`` each band begins and the last one ends
    """
    tables, single = np.empty((4, 1 << LOOK), np.uint32), np.empty(1 << LOOK, np.uint32)
    bit_pos, out_pos = starts.copy(), bounds[:4].copy()
    status, final = np.zeros(4, np.int64), np.zeros(4, np.int64)
    met = 15  # which bands cannot go on by literals alone, a bit each
    while min(status) < _ENDED:
        alone = max(status) == _ENDED
        for band in range(4):
            if status[band] == _IN_BLOCK and met >> band & 1:
                bit_pos[band], out_pos[band], status[band] = _inflate_one(
                    data,
                    bit_pos[band],
                    ends[band],
                    out,
                    bounds[band],
                    out_pos[band],
                    bounds[band + 1],
                    tables[band],
                    alone,
                )
                if status[band] == _HEADER_NEXT and final[band]:
                    status[band] = _ENDED
            while status[band] == _HEADER_NEXT:
                bit_pos[band], kind = read_block_header(data, bit_pos[band], ends[band], single, tables[band])
                if bit_pos[band] == DAMAGED:
                    return False
                final[band] = kind & 1
                status[band] = _ENDED if kind & 2 else _IN_BLOCK  # 2: an empty stored block ends a band
            if status[band] == _BROKEN:
                return False
        met = 15 if max(status) == _ENDED else _inflate_together(data, bit_pos, ends, out, out_pos, bounds, tables)
    for band in range(4):
        whole = (bit_pos[band] + U(7)) & ~U(7) == ends[band] and out_pos[band] == bounds[band + 1]
        if not whole or final[band] != (band == 3):
            return False
    return True


@inlined
def _put_literals(out: U8, out_pos: np.uint64, entry: np.uint64) -> np.uint64:
    """Store an entry's literals; return where the next go.

    There are one or two; two bytes are always stored.
    """
    out[out_pos] = np.uint8(entry >> U(16))
    out[out_pos + U(1)] = np.uint8(entry >> U(24))
    return out_pos + (entry >> U(8) & U(3))


@inlined
def _decode_five_symbols(
    data: U8, bit_pos: np.uint64, out: U8, out_pos: np.uint64, table: U32
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Look up five table entries; return the new state.

    The state is where the band then is, and how many looks saw no literal.
    """
    look, width = U((1 << LOOK) - 1), U(63)
    word = bits_from(data, bit_pos)
    a = U(table[word & look])
    word >>= a & width
    b = U(table[word & look])
    word >>= b & width
    c = U(table[word & look])
    word >>= c & width
    d = U(table[word & look])
    word >>= d & width
    e = U(table[word & look])
    out_pos = _put_literals(out, _put_literals(out, _put_literals(out, out_pos, a), b), c)
    out_pos = _put_literals(out, _put_literals(out, out_pos, d), e)
    low = U(0xFFFF)  # widths add up to at most 55, in 6 bits; literals to 10, in 4; what is above are the others
    total = (a & low) + (b & low) + (c & low) + (d & low) + (e & low)
    return bit_pos + (total & width), out_pos, total >> U(12)


@inlined
def _rounds(bit_pos: np.uint64, end: np.uint64, out_pos: np.uint64, stop: np.uint64) -> int:
    """Return how many rounds surely stay within the band.

    A round is five looks, of at most 55 bits and 10 literals.
    """
    return min((np.int64(end) - np.int64(bit_pos)) >> 6, (np.int64(stop) - np.int64(out_pos)) >> 4) - 1


@jit
def _inflate_together(
    data: U8, bit_pos: U64, ends: U64, out: U8, out_pos: U64, bounds: U64, tables: U32
) -> int:  # fmt: skip
    """Inflate literals of all bands until one must stop.

    A band stops where it meets something else or nears its end. ``bit_pos`` and ``out_pos`` move on. Returns which
    bands stopped there, a bit each.
    """
    bit0, bit1, bit2, bit3 = bit_pos[0], bit_pos[1], bit_pos[2], bit_pos[3]
    out0, out1, out2, out3 = out_pos[0], out_pos[1], out_pos[2], out_pos[3]
    table0, table1, table2, table3 = tables[0], tables[1], tables[2], tables[3]
    stopped = 0
    while stopped == 0:
        rounds = min(_rounds(bit0, ends[0], out0, bounds[1]), _rounds(bit1, ends[1], out1, bounds[2]))
        rounds = min(rounds, _rounds(bit2, ends[2], out2, bounds[3]), _rounds(bit3, ends[3], out3, bounds[4]))
        if rounds <= 0:
            stopped = 15
        for _ in range(rounds):
            next0, after0, met0 = _decode_five_symbols(data, bit0, out, out0, table0)
            next1, after1, met1 = _decode_five_symbols(data, bit1, out, out1, table1)
            next2, after2, met2 = _decode_five_symbols(data, bit2, out, out2, table2)
            next3, after3, met3 = _decode_five_symbols(data, bit3, out, out3, table3)
            if met0 | met1 | met2 | met3:
                stopped = (met0 != 0) | (met1 != 0) << 1 | (met2 != 0) << 2 | (met3 != 0) << 3
                bit0, out0 = (bit0, out0) if met0 else (next0, after0)
                bit1, out1 = (bit1, out1) if met1 else (next1, after1)
                bit2, out2 = (bit2, out2) if met2 else (next2, after2)
                bit3, out3 = (bit3, out3) if met3 else (next3, after3)
                break
            bit0, bit1, bit2, bit3 = next0, next1, next2, next3
            out0, out1, out2, out3 = after0, after1, after2, after3
    bit_pos[0], bit_pos[1], bit_pos[2], bit_pos[3] = bit0, bit1, bit2, bit3
    out_pos[0], out_pos[1], out_pos[2], out_pos[3] = out0, out1, out2, out3
    return stopped


@jit
def _inflate_one(
    data: U8,
    bit_pos: np.uint64,
    end: np.uint64,
    out: U8,
    start: np.uint64,
    out_pos: np.uint64,
    stop: np.uint64,
    table: U32,
    alone: bool,
) -> tuple[np.uint64, np.uint64, int]:
    """Inflate a band past its next match or block end.

    It may stop earlier, after some looks. Returns where it then is in the data (bits) and in ``out``, and its status.
    """
    if alone:
        for _ in range(_rounds(bit_pos, end, out_pos, stop)):
            following, after, met = _decode_five_symbols(data, bit_pos, out, out_pos, table)
            if met:
                break
            bit_pos, out_pos = following, after
    for _ in range(8):
        if bit_pos >= end:
            return bit_pos, out_pos, _BROKEN
        word = bits_from(data, bit_pos)
        entry = U(table[word & U((1 << LOOK) - 1)])
        bit_pos += entry & U(63)
        if entry & U(SPECIAL):
            symbol = np.int64(entry >> U(16)) - 257
            if symbol < 0:
                return bit_pos, out_pos, _HEADER_NEXT
            word >>= entry & U(63)
            more = U(_LENGTH_BITS[symbol]) if symbol < 29 else U(0)
            length = U(_LENGTH_BASE[symbol]) + (word & ((U(1) << more) - U(1))) if symbol < 29 else stop
            if word >> more & U(1) or out_pos == start or length > stop - out_pos:  # 1: no such distance code
                return bit_pos, out_pos, _BROKEN
            bit_pos += more + U(1)
            value = out[out_pos - U(1)]
            for k in range(length):
                out[out_pos + U(k)] = value
            return bit_pos, out_pos + length, _IN_BLOCK
        count = entry >> U(8) & U(3)
        if count > stop - out_pos:
            return bit_pos, out_pos, _BROKEN
        out[out_pos] = np.uint8(entry >> U(16))
        if count == U(2):
            out[out_pos + U(1)] = np.uint8(entry >> U(24))
        out_pos += count
    return bit_pos, out_pos, _IN_BLOCK
