"""What an example looks like, in 32 numbers.

They do not depend on how the example lies: turning or mirroring it by a right angle leaves them as they are, but for
rounding. They tell apart grey levels, texture and coarseness; they know nothing of biology.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_SIDE: Final = 64
_RINGS: Final = 14
LENGTH: Final = 7 + _RINGS + 6 + 5
"""Numbers of an example."""

_FREQUENCY = np.fft.fftfreq(_SIDE)
_RADIUS = np.hypot(_FREQUENCY[:, None], _FREQUENCY)
_RING = np.minimum((_RADIUS / 0.5 * _RINGS).astype(int), _RINGS)
_COUNTS = np.bincount(_RING.ravel())[:_RINGS]
_WINDOW = np.hanning(_SIDE)[:, None] * np.hanning(_SIDE)


def features(pixels: U8) -> F32:
    """Describe an example.

    Seven facts of its grey levels (percentiles, mean, deviation), the logarithm of its power in 14 rings of spatial
    frequency, edges at three scales (mean and deviation of the gradient), and five percentiles of the deviations of its
    8 x 8 blocks.

    Parameters
    ----------
    pixels : uint8 (H, W)

    Returns
    -------
    float32 (32,)
    """
    image = Image.fromarray(pixels)
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=None), np.float64) / 255
    levels = [*np.percentile(small, (5, 25, 50, 75, 95)), small.mean(), small.std()]
    power = np.abs(np.fft.fft2((small - small.mean()) * _WINDOW)) ** 2
    rings = np.bincount(_RING.ravel(), power.ravel())[:_RINGS] / _COUNTS
    edges: list[float] = []
    for step in (1, 2, 4):
        blocks = small.reshape(_SIDE // step, step, _SIDE // step, step).mean(axis=(1, 3))
        slope = np.hypot(blocks[2:, 1:-1] - blocks[:-2, 1:-1], blocks[1:-1, 2:] - blocks[1:-1, :-2])
        edges += [float(slope.mean()), float(slope.std())]
    deviations = small.reshape(8, 8, 8, 8).std(axis=(1, 3))
    spread = np.percentile(deviations, (5, 25, 50, 75, 95))
    return np.concatenate([levels, np.log10(rings + 1e-6), edges, spread]).astype(np.float32)
