"""Simulated cells and microscope recordings of them.

Nothing here is a real image. The shapes differ by label, so that a model can learn something from them: nuclear size,
elongation, density of cells, number of spots and fibres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float64]

ORGANELLES = ("nucleus", "er", "actin", "nucleoli", "mitochondria", "golgi")


class Traits(NamedTuple):
    """What makes the cells of one label look alike."""

    nucleus: float = 7.0  # radius, pixels
    elongation: float = 1.2  # long over short axis
    spread: float = 2.2  # cell radius over the nucleus's
    cells: int = 14  # per 160 x 160 pixels
    spots: int = 12  # mitochondria or granules per cell
    fibres: float = 0.15  # spatial frequency of actin, 1/pixel


def blur(plane: Plane, sigma: float) -> Plane:
    """Return the plane blurred by a Gaussian point spread function.

    ``plane`` is (H, W) and ``sigma`` in pixels; edges are repeated.
    """
    margin = int(4 * sigma) + 1
    steps = np.arange(-margin, margin + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    wide = np.pad(plane, margin, mode="edge")
    height, width = plane.shape
    down: Plane = np.zeros((height, wide.shape[1]))
    for step, weight in enumerate(weights.tolist()):
        down += weight * wide[step : step + height]
    out: Plane = np.zeros((height, width))
    for step, weight in enumerate(weights.tolist()):
        out += weight * down[:, step : step + width]
    return out


def field(rng: np.random.Generator, height: int, width: int, traits: Traits) -> dict[str, Plane]:
    """Return what each organelle emits over one field.

    Planes are (height, width) with values of about 0 to 1, keyed by what they show.
    """
    planes = {name: np.zeros((height, width)) for name in ORGANELLES}
    count = max(1, round(traits.cells * height * width / 160**2 * rng.uniform(0.8, 1.2)))
    for _ in range(count):
        _add_cell(rng, planes, rng.uniform(0, height), rng.uniform(0, width), traits)
    return planes


def _add_cell(rng: np.random.Generator, planes: dict[str, Plane], cy: float, cx: float, traits: Traits) -> None:
    angle, short = rng.uniform(0, np.pi), traits.nucleus * rng.uniform(0.85, 1.15)
    rows, columns, y, x = window(planes["nucleus"].shape, cy, cx, 1.8 * traits.spread * traits.elongation * short)
    along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
    radius = np.hypot(along / traits.elongation, across) / short
    body = 1 / (1 + np.exp(6 * (radius / traits.spread - 1)))
    nucleus = 1 / (1 + np.exp(10 * (radius - 1)))
    planes["nucleus"][rows, columns] += nucleus * rng.uniform(0.7, 1.0)
    planes["er"][rows, columns] += body * (1 - nucleus) * np.exp(-0.5 * radius)
    planes["actin"][rows, columns] += body * (0.6 + 0.4 * np.sin(2 * np.pi * traits.fibres * along)) * 0.8
    beside = 1.2 * short
    _add_spot(planes["golgi"], cy + beside * np.sin(angle), cx + beside * np.cos(angle), 0.35 * short)
    for _ in range(3):
        _add_spot(planes["nucleoli"], rng.normal(cy, 0.4 * short), rng.normal(cx, 0.4 * short), 0.18 * short)
    scatter = traits.spread * short * 0.6
    for _ in range(traits.spots):
        _add_spot(planes["mitochondria"], rng.normal(cy, scatter), rng.normal(cx, scatter), 1.3)


def window(shape: tuple[int, ...], cy: float, cx: float, reach: float) -> tuple[slice, slice, Plane, Plane]:
    """Return a window around a point and its pixel coordinates.

    Two slices of an array of ``shape``, and the rows (h, 1) and columns (1, w) in them.
    """

    def within(centre: float, size: int) -> slice:
        start = min(max(0, int(centre - reach)), size)
        return slice(start, max(start, min(size, int(centre + reach) + 2)))

    rows, columns = within(cy, shape[0]), within(cx, shape[1])
    y, x = (np.arange(part.start, part.stop, dtype=np.float64) for part in (rows, columns))
    return rows, columns, y[:, None], x[None, :]


def _add_spot(plane: Plane, cy: float, cx: float, sigma: float) -> None:
    rows, columns, y, x = window(plane.shape, cy, cx, 4 * sigma)
    plane[rows, columns] += np.exp(-((y - cy) ** 2) / (2 * sigma**2)) * np.exp(-((x - cx) ** 2) / (2 * sigma**2))


def camera(rng: np.random.Generator, plane: Plane, photons: float, offset: float, gain: float, top: int) -> Plane:
    """Return noisy camera counts of a blurred plane.

    The counts have shot noise (a normal distribution in place of Poisson's), a dark offset and read noise, and are
    clipped to [0, top].
    """
    electrons = blur(plane, 1.0) * photons + photons * 0.03
    noise = np.sqrt(gain**2 * electrons + 1) * rng.standard_normal(plane.shape)
    return np.clip(np.round(offset + gain * electrons + noise), 0, top)


def stained(rng: np.random.Generator, absorbance: Plane, colour: tuple[float, float, float]) -> npt.NDArray[np.uint8]:
    """Return a stained RGB brightfield image.

    The image is (H, W, 3); a dye weakens the uneven illumination by the Beer-Lambert law.
    """
    height, width = absorbance.shape
    y, x = np.mgrid[0:height, 0:width]
    light = 235 - 30 * np.hypot((y - height / 2) / height, (x - width / 2) / width)
    passed = np.exp(-blur(absorbance, 0.8)[..., None] * np.asarray(colour))
    noisy = light[..., None] * passed + rng.normal(0, 2.0, (height, width, 3))
    image: npt.NDArray[np.uint8] = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    return image
