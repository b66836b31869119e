"""Resizing grey pixels as Pillow does, by compiled kernels."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cytoimagenet_reader.pillow import pillow_resized
from cytoimagenet_reader.resize_kernels import resize_both

U8 = np.ndarray[Any, np.dtype[np.uint8]]


def resize(pixels: U8, out: U8) -> None:
    """Resize pixels to the shape of ``out``, as Pillow does.

    Both are uint8 (H, W); the pixels are those of Pillow's antialiased bilinear ``resize``.
    """
    size = (out.shape[0], out.shape[1])
    order = first_pass(pixels.shape, size)
    if order == "pillow":
        out[:] = pillow_resized(pixels, size)
    else:
        _resize(pixels, order, out)


@functools.lru_cache(4096)
def first_pass(shape: tuple[int, ...], size: tuple[int, int]) -> str:
    """Return the first pass: ``rows``, ``columns`` or ``pillow``.

    With it the pixels are those of the installed Pillow. Pillow rounds to whole grey levels between its two passes;
    releases differ in which comes first, and may choose by shape. So noise is resized both ways and compared: once per
    shape. ``pillow`` where neither is the same.
    """
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    wanted = pillow_resized(noise, size)
    out = np.empty(size, np.uint8)
    for order in ("rows", "columns"):
        _resize(noise, order, out)
        if np.array_equal(out, wanted):
            return order
    return "pillow"


def _resize(pixels: U8, order: str, out: U8) -> None:
    """Resize uint8 (H, W) pixels into ``out``, direction by direction."""
    (height, width), (target_height, target_width) = pixels.shape, out.shape
    down, across = _weights(height, target_height), _weights(width, target_width)
    resize_both(pixels, order == "rows", *down, *across, out)


@functools.lru_cache(4096)
def _weights(size: int, target: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return each target pixel's first source pixel and weights.

    They are uint64 (target,), and int32 (most, target). The triangle filter, widened by the factor of reduction,
    normalised, in units of 2**-22: what Pillow's ``ImagingResample`` computes for 8-bit images
    (src/libImaging/Resample.c).
    """
    scale = size / target
    wide = max(scale, 1.0)
    firsts = np.empty(target, np.uint64)
    weights = np.zeros((int(np.ceil(wide)) * 2 + 1, target), np.int32)
    most = 0
    for i in range(target):
        center = (i + 0.5) * scale
        first, stop = max(int(center - wide + 0.5), 0), min(int(center + wide + 0.5), size)
        triangle = np.maximum(1.0 - np.abs((np.arange(first, stop) - center + 0.5) * (1.0 / wide)), 0.0)
        total = 0.0
        for weight in triangle:  # one after the other, as there: the last bit depends on the order
            total += weight
        firsts[i] = first
        weights[: stop - first, i] = np.floor(0.5 + triangle * (1.0 / total) * (1 << 22)).astype(np.int32)
        most = max(most, stop - first)
    return firsts, np.ascontiguousarray(weights[:most])
