"""Deflate within the promised limits.

zlib inflates its stream to the same bytes, and numpy gives the same stream.
"""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cytoimagenet_reader.png import deflate, deflate_format, huffman
from tests.reader.png import numpy_deflate

KINDS = ("noise", "bell", "runs", "flat", "skewed", "two values")


def data(kind, size, seed):
    """Made-up filtered bytes, uint8 (size,)."""
    rng = np.random.default_rng(seed)
    return {
        "noise": lambda: rng.integers(0, 256, size),
        "bell": lambda: np.rint(rng.normal(0, 4, size)).astype(np.int64) & 255,
        "runs": lambda: np.repeat(rng.integers(0, 256, size), rng.geometric(0.05, size))[:size],
        "flat": lambda: np.full(size, seed % 256),
        "skewed": lambda: np.minimum(rng.geometric(0.55, size) - 1, 255),  # longer codes than are allowed
        "two values": lambda: rng.integers(0, 2, size),
    }[kind]().astype(np.uint8)


def inflated(stretches):
    """The bytes of deflated stretches, by zlib."""
    inflate = zlib.decompressobj(-15)
    found = inflate.decompress(b"".join(stretches))
    assert inflate.eof
    assert not inflate.unused_data
    return found


sizes = st.one_of(st.integers(1, 700), st.integers(30_000, 90_000))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), sizes, st.integers(0, 999), st.floats(0, 1))
@example("flat", 258 * 3 + 1, 7, 0.0)
@example("flat", 258 * 3 + 6, 7, 0.0)
@example("noise", 1, 0, 0.0)
def test_zlib_gives_the_bytes_back(kind, size, seed, share):
    values = data(kind, size, seed)
    cut = int(share * size)
    first = [deflate.deflate(values, 0, cut, False)] if cut else []
    if cut < size:
        assert inflated([*first, deflate.deflate(values, cut, size, True)]) == values.tobytes()
    for stretch in first:  # on its own too, with the end of a stream put after it
        assert inflated([stretch, b"\x03\0"]) == values[:cut].tobytes()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), sizes, st.integers(0, 999), st.booleans())
def test_the_same_bytes_as_numpy(kind, size, seed, last):
    values = data(kind, size, seed)
    start = seed % size
    packed = deflate.deflate(values, start, size, last)
    assert packed == numpy_deflate.deflate(values, start, size, last)
    assert len(packed) <= deflate_format.most_bytes(size - start) - 8


@pytest.mark.parametrize("kind", KINDS)
def test_libdeflate_reads_it_too(kind):
    values = data(kind, 100_000, 3)
    packed = b"\x78\x01" + deflate.deflate(values, 0, values.size, True)
    packed += zlib.adler32(values).to_bytes(4, "big")
    assert bytes(imagecodecs.deflate_decode(packed, out=values.size)) == values.tobytes()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=286).filter(lambda c: sum(map(bool, c)) >= 2))
@example([1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987])  # Huffman's would need 15 bits
def test_code_lengths_are_complete_and_the_best_within_the_limit(counts):
    limit = deflate_format.LONGEST_CODE
    lengths = huffman.code_lengths(np.array(counts, np.int64), limit).tolist()
    assert [bool(length) for length in lengths] == [bool(count) for count in counts]
    assert max(lengths) <= limit
    assert sum(2.0**-length for length in lengths if length) == 1
    by_count = sorted((count, -length) for count, length in zip(counts, lengths, strict=True) if count)
    assert [length for _, length in by_count] == sorted(length for _, length in by_count)
    total = sum(counts)
    entropy = sum(count * np.log2(total / count) for count in counts if count)
    cost = sum(count * length for count, length in zip(counts, lengths, strict=True))
    if max(numpy_deflate.code_lengths(counts, 40)) <= limit:
        assert cost <= entropy + total * (1 - 1e-12) or total < 3  # Huffman: less than one bit above


def test_runs_shorter_than_a_match_are_literals():
    short = np.repeat(np.arange(40, dtype=np.uint8), deflate_format.SHORTEST_RUN)  # one byte, and one repeat too few
    symbols, places, _ = numpy_deflate._tokens(short)
    assert places.size == 0
    assert symbols.tolist() == short.tolist()
    long = np.repeat(np.arange(40, dtype=np.uint8), deflate_format.SHORTEST_RUN + 1)
    symbols, places, lengths = numpy_deflate._tokens(long)
    assert lengths.tolist() == [deflate_format.SHORTEST_RUN] * 40
    assert symbols[places].tolist() == [257 + 3] * 40
