"""Reference of ``cytoimagenet_reader.png.deflate`` in numpy.

Deflate (RFC 1951) with matches of distance 1 only.

A stretch of bytes is cut into blocks with a Huffman code each. A block is literals and, where a byte repeats at least
``SHORTEST_RUN`` times, matches with the byte before. The code lengths are Huffman's, limited: codes that are too long
are shortened, and paid for by the longest codes that can still grow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.png import deflate_format as rfc

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bits = list[tuple[int, int]]  # (value, how many bits), the lowest first


def deflate(data: U8, start: int, end: int, last: bool) -> bytes:
    """Return ``data[start:end]`` (uint8 (n,), start < end) deflated.

    Nothing refers to bytes before ``start``, and the end is on a whole byte: each stretch can be inflated on its own.
    Later stretches can follow, unless it is the last.
    """
    values: list[U64] = []
    counts: list[U64] = []
    for low, high in rfc.blocks(start, end):
        symbols, places, lengths = _tokens(data[low:high])
        occurrences = np.bincount(symbols, minlength=rfc.SYMBOLS)
        occurrences[rfc.END_OF_BLOCK] = 1
        bits = code_lengths(occurrences.tolist(), rfc.LONGEST_CODE)
        codes = canonical_codes(bits)
        value, count = np.array(codes, np.uint32)[symbols], np.array(bits, np.uint8)[symbols]
        kind = rfc.LENGTH_CODE[lengths]
        value[places] |= (lengths - rfc.LENGTH_BASE[kind]).astype(np.uint32) << count[places]
        count[places] += rfc.LENGTH_BITS[kind].astype(np.uint8) + np.uint8(1)  # and the distance: the only code is 0
        header = block_header(bits, last and high == end)
        end_of_block = (codes[rfc.END_OF_BLOCK], bits[rfc.END_OF_BLOCK])
        for v, c in (_columns(header), (value, count), _columns([end_of_block])):
            v, c = _paired(*_paired(v, c, np.uint32), np.uint64)
            values.append(v)
            counts.append(c.astype(np.uint64))
    packed = _pack(np.concatenate(values), np.concatenate(counts), 0 if last else 3)  # 3: an empty stored block
    return packed if last else packed + b"\0\0\xff\xff"


def _tokens(block: U8) -> tuple[npt.NDArray[Any], I64, I64]:
    """Return a block's symbols, and its matches.

    Of the matches, their places among the symbols and their lengths.
    """
    repeats = np.zeros(block.size + 1, bool)
    np.equal(block[1:], block[:-1], out=repeats[1:-1])
    edges = np.flatnonzero(repeats[1:] != repeats[:-1]).reshape(-1, 2) + 1  # of stretches of repeats
    begin, size = edges[:, 0], edges[:, 1] - edges[:, 0]
    long = size >= rfc.SHORTEST_RUN
    if not long.any():
        return block, np.empty(0, np.int64), np.empty(0, np.int64)
    begin, size = begin[long], size[long]
    number = size // rfc.LONGEST_MATCH + (size % rfc.LONGEST_MATCH >= rfc.SHORTEST_RUN)
    order = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)  # of a match in its stretch
    places = np.repeat(begin, number) + rfc.LONGEST_MATCH * order
    lengths = np.minimum(np.repeat(size, number) - rfc.LONGEST_MATCH * order, rfc.LONGEST_MATCH)
    covered = np.zeros(block.size + 1, np.int8)
    covered[places + 1] += 1
    covered[places + lengths] -= 1
    kept = np.cumsum(covered[:-1], dtype=np.int8) == 0
    symbols = block.astype(np.uint16)
    symbols[places] = rfc.END_OF_BLOCK + 1 + rfc.LENGTH_CODE[lengths]
    return symbols[kept], places - np.cumsum(lengths - 1) + (lengths - 1), lengths


def code_lengths(counts: list[int], longest: int) -> list[int]:
    """Return the code length of each symbol.

    It is 0 for a symbol that does not occur; at least two must occur.

    Symbols are merged from the rarest on, lower numbers first where equally rare, symbols before what is merged.
    """
    rarest = sorted((count, symbol) for symbol, count in enumerate(counts) if count)
    weight = [count for count, _ in rarest]
    parent = [0] * (2 * len(rarest) - 2)
    leaf, node = 0, len(rarest)
    for new in range(len(rarest), 2 * len(rarest) - 1):
        total = 0
        for _ in range(2):
            if leaf < len(rarest) and (node == new or weight[leaf] <= weight[node]):
                child, leaf = leaf, leaf + 1
            else:
                child, node = node, node + 1
            parent[child] = new
            total += weight[child]
        weight.append(total)
    depth = [0] * len(weight)
    for child in range(len(parent) - 1, -1, -1):
        depth[child] = depth[parent[child]] + 1
    return _limited(depth[: len(rarest)], [symbol for _, symbol in rarest], len(counts), longest)


def _limited(depths: list[int], rarest: list[int], size: int, longest: int) -> list[int]:
    """Return code lengths limited to ``longest``.

    They satisfy Kraft's equality; the rarest symbols have the longest.
    """
    with_length = [0] * (longest + 1)
    for depth in depths:
        with_length[min(depth, longest)] += 1
    excess = sum(number << (longest - length) for length, number in enumerate(with_length)) - (1 << longest)
    for _ in range(excess):  # a code of the longest that may grow becomes a pair with one of the longest
        shorter = max(length for length in range(longest) if with_length[length])
        with_length[shorter] -= 1
        with_length[shorter + 1] += 2
        with_length[longest] -= 1
    lengths = [0] * size
    symbols = iter(rarest)
    for length in range(longest, 0, -1):
        for _ in range(with_length[length]):
            lengths[next(symbols)] = length
    return lengths


def canonical_codes(lengths: list[int]) -> list[int]:
    """Return each symbol's code (RFC 1951, section 3.2.2).

    Its first bit is the lowest, as it is written.
    """
    of_length = np.array(lengths)
    share = np.where(of_length > 0, 1 << (15 - of_length), 0)  # of all sequences of 15 bits, those that begin with it
    order = np.argsort(of_length, kind="stable")
    first = np.empty_like(share)
    first[order] = np.cumsum(share[order]) - share[order]
    reverse = np.zeros_like(first)
    for bit in range(15):
        reverse |= (first >> bit & 1) << (14 - bit)
    codes: list[int] = np.where(of_length > 0, reverse, 0).tolist()
    return codes


def block_header(lengths: list[int], final: bool) -> Bits:
    """Return the header of a block with dynamic Huffman codes.

    RFC 1951, section 3.2.7: all that comes before the symbols.
    """
    used = max(symbol for symbol, length in enumerate(lengths) if length) + 1
    runs = _length_runs([*lengths[:used], 1])  # 1: the distance code
    counts = [0] * len(rfc.CODE_ORDER)
    for symbol, _, _ in runs:
        counts[symbol] += 1
    own_lengths = code_lengths(counts, rfc.LONGEST_LENGTH_CODE)
    own_codes = canonical_codes(own_lengths)
    ordered = [own_lengths[symbol] for symbol in rfc.CODE_ORDER]
    shown = max(4, max(place for place, length in enumerate(ordered) if length) + 1)
    out: Bits = [(4 + final, 3), (used - 257, 5), (0, 5), (shown - 4, 4)]
    out += [(length, 3) for length in ordered[:shown]]
    for symbol, extra, bits in runs:
        out += [(own_codes[symbol], own_lengths[symbol]), (extra, bits)]
    return out


def _length_runs(lengths: list[int]) -> list[tuple[int, int, int]]:
    """Return code lengths as symbols of the code length code.

    Each comes with the value and the number of its extra bits.
    """
    out = []
    at = 0
    while at < len(lengths):
        value, run = lengths[at], 1
        while at + run < len(lengths) and lengths[at + run] == value:
            run += 1
        if value == 0 and run >= 3:
            run = min(run, 138)
            out.append((17, run - 3, 3) if run <= 10 else (18, run - 11, 7))
        elif value and run >= 4:
            run = min(run, 7)
            out += [(value, 0, 0), (16, run - 4, 2)]
        else:
            run = 1
            out.append((value, 0, 0))
        at += run
    return out


def _columns(bits: Bits) -> tuple[npt.NDArray[Any], U8]:
    return np.array([value for value, _ in bits], np.uint32), np.array([count for _, count in bits], np.uint8)


def _paired(values: npt.NDArray[Any], counts: U8, kind: type[np.unsignedinteger]) -> tuple[npt.NDArray[Any], U8]:
    """Join neighbouring values in pairs, so that fewer are scattered.

    Values of so many bits become half as many of ``kind``. A literal has 11 bits at most and a match 17, but of two in
    a row one is a literal, or the longest match with 12: two fit into 32 bits, four into 64.
    """
    if values.size % 2:
        values, counts = np.append(values, values.dtype.type(0)), np.append(counts, np.uint8(0))
    shifted = values[1::2].astype(kind) << counts[::2]
    shifted |= values[::2]
    return shifted, counts[::2] + counts[1::2]


def _pack(values: U64, counts: U64, more: int) -> bytes:
    """Return values of so many bits concatenated into bytes.

    Each has at most 64 bits; ``more`` bits of 0 follow, and the end is filled up to a whole byte.
    """
    ends = np.cumsum(counts)
    places = ends - counts
    word, shift = (places >> np.uint64(6)).astype(np.int64), places & np.uint64(63)
    words = np.zeros(int(ends[-1]) // 64 + 2, np.uint64)
    first = np.flatnonzero(np.concatenate([[True], word[1:] != word[:-1]]))
    words[word[first]] = np.bitwise_or.reduceat(values << shift, first)
    crossing = np.flatnonzero(shift + counts > 64)  # at most one a word
    words[word[crossing] + 1] |= values[crossing] >> (np.uint64(64) - shift[crossing])
    return words.astype("<u8").tobytes()[: (int(ends[-1]) + more + 7) // 8]
