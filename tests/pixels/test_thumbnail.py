"""Thumbnails: what changes them and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from builder.demo.cells import blur
from builder.pixels.thumbnail import SIDE, thumbnail


def texture(seed: int, height: int = 256, width: int = 320) -> np.ndarray:
    """Return bright blobs of about 16 pixels on black.

    uint8 (height, width), 0 to 255.
    """
    plane = blur(np.random.default_rng(seed).random((height, width)), 8.0)
    bright = np.clip(plane - plane.mean(), 0, None)
    return np.rint(255 * bright / bright.max()).astype(np.uint8)


def test_it_is_the_local_deviation_of_block_means() -> None:
    """The definition, plainly computed with loops.

    At a size that blocks divide.
    """
    pixels = texture(0, 64, 96)
    blocks = pixels.reshape(32, 2, 32, 3).mean(axis=(1, 3))
    y, x = np.mgrid[:32, :32]
    even = np.zeros((32, 32))
    weight = [np.exp(-((y - i) ** 2 + (x - j) ** 2) / (2 * 6.4**2)) for i in range(32) for j in range(32)]
    means = np.array([(w * blocks).sum() / w.sum() for w in weight]).reshape(32, 32)
    deviations = [(w * (blocks - means) ** 2).sum() / w.sum() for w in weight]
    even = (blocks - means) / np.sqrt(np.array(deviations).reshape(32, 32) + 0.25)
    wanted = 32 * even.reshape(16, 2, 16, 2).mean(axis=(1, 3))
    assert np.abs(thumbnail(pixels) - wanted).max() < 1.5  # of weights and means in whole numbers


def test_exposure_gradient_and_size_do_not_matter() -> None:
    pixels = texture(1)
    plain = thumbnail(pixels).astype(float)
    darker = (pixels * 0.5).astype(np.uint8)
    shaded = (pixels * np.linspace(0.5, 1, pixels.shape[1])).astype(np.uint8)
    larger = np.kron(pixels, np.ones((2, 2), np.uint8))
    for other in (darker, shaded, larger):
        assert np.corrcoef(plain.ravel(), thumbnail(other).ravel())[0, 1] > 0.98


def test_other_content_is_another_thumbnail() -> None:
    pairs = [(thumbnail(texture(i)).ravel(), thumbnail(texture(i + 100)).ravel()) for i in range(20)]
    assert max(np.corrcoef(one, other)[0, 1] for one, other in pairs) < 0.4


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 9), (31, 33)])
def test_any_size_has_one(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = thumbnail(pixels)
    assert (found.shape, found.dtype) == ((SIDE, SIDE), np.int8)
    assert not thumbnail(np.full(shape, 9, np.uint8)).any()
