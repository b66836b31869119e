"""The compiled loops match numpy to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.pixels import kernels
from tests.pixels import numpy_kernels

pytestmark = pytest.mark.slow

CASES = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 90)


def some_pixels(seed, height, width):
    """Noise, or blocks of few levels: what differs between buckets."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        return rng.integers(0, 256, (height, width), dtype=np.uint8)
    return np.repeat(rng.integers(0, 4, (height, -(-width // 7)), dtype=np.uint8) * 80, 7, axis=1)[:, :width].copy()


@CASES
@given(SEEDS, SIDES, SIDES)
def test_loops_over_8_bit_images(seed, height, width):
    pixels = some_pixels(seed, height, width)
    np.testing.assert_array_equal(kernels.histogram(pixels, 256), numpy_kernels.histogram(pixels, 256))
    rows, columns = (np.arange(33, dtype=np.int64) * side // 32 for side in pixels.shape)
    np.testing.assert_array_equal(
        kernels.block_sums(pixels, rows, columns), numpy_kernels.block_sums(pixels, rows, columns)
    )
    if min(height, width) >= 3:
        assert kernels.laplacian_sums(pixels) == numpy_kernels.laplacian_sums(pixels)


@CASES
@given(SEEDS, SIDES, SIDES, st.sampled_from([(1, "uint16"), (2, "uint32"), (3, "uint8"), (5, "uint16"), (7, "uint8")]))
def test_merging(seed, height, width, kind):
    count, dtype = kind  # each kind is compiled once
    rng = np.random.default_rng(seed)
    indices = tuple(rng.integers(0, 200, (height, width)).astype(dtype) for _ in range(count))
    tables = tuple(np.sort(rng.random(200)) for _ in range(count))
    y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
    window = (y, height, x, width)
    np.testing.assert_array_equal(
        kernels.merge(indices, tables, *window), numpy_kernels.merge(indices, tables, *window)
    )
    np.testing.assert_array_equal(
        kernels.merge_quantized(indices, tables), numpy_kernels.merge_quantized(indices, tables)
    )


@CASES
@given(SEEDS, SIDES, SIDES, st.booleans())
def test_loops_over_merged_images(seed, height, width, few):
    rng = np.random.default_rng(seed)
    merged = rng.integers(0, 5, (height, width)) / 4 if few else rng.random((height, width))
    np.testing.assert_array_equal(kernels.quantize(merged), numpy_kernels.quantize(merged))
    np.testing.assert_array_equal(kernels.rescale(merged, 0.1, 0.9), numpy_kernels.rescale(merged, 0.1, 0.9))
    ranks = np.sort(rng.integers(0, merged.size, 4))
    np.testing.assert_array_equal(
        kernels.order_statistics(merged, ranks), numpy_kernels.order_statistics(merged, ranks)
    )


@CASES
@given(SEEDS, SIDES, SIDES, st.integers(3, 4), st.sampled_from(["uint8", "uint16"]))
def test_colours_and_levels(seed, height, width, samples, dtype):
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, np.iinfo(dtype).max, (height, width, samples), dtype=dtype, endpoint=True)
    got, wanted = kernels.sum_colours(colours), numpy_kernels.sum_colours(colours)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == wanted.dtype
    counts = rng.integers(0, 3, 50)
    counts[seed % 50] += 1
    ranks = np.sort(rng.integers(0, counts.sum(), 5))
    np.testing.assert_array_equal(kernels.levels_at(counts, ranks), numpy_kernels.levels_at(counts, ranks))
