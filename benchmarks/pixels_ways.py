"""Made-up images, and ways to make examples of them.

``benchmarks/pixels.py`` compares the ways.
"""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from builder.pixels import normalize
from builder.pixels.read import read
from cytoimagenet_reader.png import encoder

Channels = list[np.ndarray]


@functools.cache
def opencv() -> Any:
    """Return OpenCV, on one core as the others are.

    It is a peer only: none of our code needs it.
    """
    cv2 = importlib.import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def cells(height: int, width: int, channel: int, seed: int, bits: int) -> np.ndarray:
    """Return a field of made-up cells with camera noise.

    Soft ellipses over a background, with shot and read noise.
    """
    rng = np.random.default_rng([seed, channel])
    light = np.full((height, width), 120.0)
    for _ in range(height * width // 4000):
        y, x = rng.integers(0, height), rng.integers(0, width)
        radius, tilt = rng.uniform(8, 22), rng.uniform(0, np.pi)
        top, left = max(0, y - 60), max(0, x - 60)
        yy, xx = np.mgrid[top : min(height, y + 60), left : min(width, x + 60)]
        along = (yy - y) * np.cos(tilt) + (xx - x) * np.sin(tilt)
        across = (xx - x) * np.cos(tilt) - (yy - y) * np.sin(tilt)
        level = rng.uniform(300, 2500)
        light[top : top + yy.shape[0], left : left + yy.shape[1]] += level * np.exp(
            -((along / radius) ** 2 + (across / radius / 0.6) ** 2)
        )
    noisy = rng.poisson(light) + rng.normal(0, 6, light.shape)
    top_level = 4095 if bits == 16 else 255
    scaled = noisy if bits == 16 else noisy / 14
    return np.clip(scaled, 0, top_level).astype(np.uint16 if bits == 16 else np.uint8)


def as_tiff(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, photometric="minisblack")
    return out.getvalue()


def as_png(pixels: np.ndarray) -> bytes:
    return bytes(imagecodecs.png_encode(pixels, level=6, filter=248))


def pillow_png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=6)
    return out.getvalue()


def stretched(values: np.ndarray) -> np.ndarray:
    """Clip to two percentiles and scale to [0, 1].

    One call of numpy's percentile finds both, the 0.1th and the 99.9th.
    """
    low, high = np.percentile(values, [0.1, 99.9])
    return (np.clip(values, low, high) - low) / (high - low)


def specification(channels: Channels) -> np.ndarray:
    """The float64 reading of the method."""
    return np.mean([stretched(channel.astype(np.float64)) for channel in channels], axis=0)


def paper_stretched(values: np.ndarray) -> np.ndarray:
    """Stretch a channel or crop as the paper's scripts do.

    They take a mean over colours, and call numpy for each percentile.
    """
    grey = values.mean(axis=-1) if values.ndim == 3 else values
    low, high = (np.percentile(grey.flatten(), percent) for percent in (0.1, 99.9))
    return (np.clip(grey, low, high) - low) / (high - low)


def paper(files: Sequence[Path]) -> bytes:
    """Read, merge and write an image in the paper's way.

    OpenCV's default reader (8 bit, three colours), float64, a mean over channels, Pillow's PNG.

    It makes other pixels than the method says: of 16-bit files it sees the upper 8 bits alone.
    """
    channels = [paper_stretched(opencv().imread(str(file))) for file in files]
    merged = np.stack(channels, axis=-1).mean(axis=-1) * 255
    out = io.BytesIO()
    Image.fromarray(merged).convert("L").save(out, "PNG")
    return out.getvalue()


def plain(files: Sequence[Path]) -> bytes:
    """Make an example in the usual good way.

    OpenCV reads at native depth, float32 throughout, Pillow level 6.
    """
    cv2 = opencv()
    total: np.ndarray | None = None
    for file in files:
        values = stretched(cv2.imread(str(file), cv2.IMREAD_UNCHANGED).astype(np.float32))
        total = values if total is None else total + values
    assert total is not None
    return pillow_png(np.rint(total / len(files) * 255).astype(np.uint8))


def here(files: Sequence[Path]) -> bytes:
    """Ours."""
    return encoder.encode(normalize.standardize([read(file.read_bytes()) for file in files]))
