"""The compiled passes give what the numpy passes give, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.pixels import plain

compiled = pytest.importorskip("builder.pixels.compiled", reason="numba (extra `fast`) is not installed")

CASES = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 90)


def some_pixels(seed, height, width):
    """Noise, or blocks of few levels: what differs between filters and buckets."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        return rng.integers(0, 256, (height, width), dtype=np.uint8)
    return np.repeat(rng.integers(0, 4, (height, -(-width // 7)), dtype=np.uint8) * 80, 7, axis=1)[:, :width].copy()


@CASES
@given(SEEDS, SIDES, SIDES)
def test_passes_over_8_bit_images(seed, height, width):
    pixels = some_pixels(seed, height, width)
    for name in ("average_rows", "paeth_rows"):
        np.testing.assert_array_equal(getattr(compiled, name)(pixels), getattr(plain, name)(pixels))
    for first, step in ((0, 1), (1, 3)):
        np.testing.assert_array_equal(
            compiled.filter_counts(pixels, first, step), plain.filter_counts(pixels, first, step)
        )
    np.testing.assert_array_equal(compiled.histogram(pixels, 256), plain.histogram(pixels, 256))
    rows, columns = (np.arange(33, dtype=np.int64) * side // 32 for side in pixels.shape)
    np.testing.assert_array_equal(compiled.block_sums(pixels, rows, columns), plain.block_sums(pixels, rows, columns))
    if min(height, width) >= 3:
        assert compiled.laplacian_sums(pixels) == plain.laplacian_sums(pixels)


@CASES
@given(SEEDS, SIDES, SIDES, st.sampled_from([(1, "uint16"), (2, "uint32"), (3, "uint8"), (5, "uint16"), (7, "uint8")]))
def test_merging(seed, height, width, kind):
    count, dtype = kind  # each kind is compiled once
    rng = np.random.default_rng(seed)
    indices = tuple(rng.integers(0, 200, (height, width)).astype(dtype) for _ in range(count))
    tables = tuple(np.sort(rng.random(200)) for _ in range(count))
    y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
    window = (y, height, x, width)
    np.testing.assert_array_equal(compiled.merge(indices, tables, *window), plain.merge(indices, tables, *window))
    np.testing.assert_array_equal(compiled.merge_quantized(indices, tables), plain.merge_quantized(indices, tables))


@CASES
@given(SEEDS, SIDES, SIDES, st.booleans())
def test_passes_over_merged_images(seed, height, width, few):
    rng = np.random.default_rng(seed)
    merged = rng.integers(0, 5, (height, width)) / 4 if few else rng.random((height, width))
    np.testing.assert_array_equal(compiled.quantize(merged), plain.quantize(merged))
    np.testing.assert_array_equal(compiled.rescale(merged, 0.1, 0.9), plain.rescale(merged, 0.1, 0.9))
    ranks = np.sort(rng.integers(0, merged.size, 4))
    np.testing.assert_array_equal(compiled.order_statistics(merged, ranks), plain.order_statistics(merged, ranks))


@CASES
@given(SEEDS, SIDES, SIDES, st.integers(3, 4), st.sampled_from(["uint8", "uint16"]))
def test_colours_and_levels(seed, height, width, samples, dtype):
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, np.iinfo(dtype).max, (height, width, samples), dtype=dtype, endpoint=True)
    got, wanted = compiled.sum_colours(colours), plain.sum_colours(colours)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == wanted.dtype
    counts = rng.integers(0, 3, 50)
    counts[seed % 50] += 1
    ranks = np.sort(rng.integers(0, counts.sum(), 5))
    np.testing.assert_array_equal(compiled.levels_at(counts, ranks), plain.levels_at(counts, ranks))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(1, 40), st.sampled_from([1, 2, 3, 4, 6, 8]))
def test_unfilter_by_the_definition(seed, height, width, step):
    """Un-filtering, against the definitions of PNG (section 9.2) one byte at a time."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (height, 1 + width * step), dtype=np.uint8)
    rows[:, 0] = rng.integers(0, 5, height) if seed % 3 else 4
    out = np.empty((height, width * step), np.uint8)
    assert compiled.unfilter(rows, step, out)
    wanted = np.zeros_like(out)
    for y in range(height):
        for x in range(width * step):
            a = int(wanted[y, x - step]) if x >= step else 0
            b = int(wanted[y - 1, x]) if y else 0
            c = int(wanted[y - 1, x - step]) if y and x >= step else 0
            nearest = min((a, b, c), key=lambda v: abs(a + b - c - v))  # min takes the first of equals: a, b, c
            guess = (0, a, b, (a + b) // 2, nearest)[rows[y, 0]]
            wanted[y, x] = (int(rows[y, x + 1]) + guess) % 256
    np.testing.assert_array_equal(out, wanted)


def test_unfilter_knows_five_filters():
    rows = np.full((2, 4), 5, np.uint8)
    assert not compiled.unfilter(rows, 1, np.empty((2, 3), np.uint8))
