"""Images for ``benchmarks.audit``.

Simulated and real ones, changed copies of them, and windows that overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from builder.demo.cells import Traits, field
from builder.errors import RejectedError
from builder.pixels.normalize import standardize
from builder.sources import get_source, source_names
from builder.sources.common.folder import Folder, LayoutError
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item

U8 = npt.NDArray[np.uint8]
Chance = np.random.Generator

FIELDS = 60


def filtered(pixels: U8, radius: float) -> U8:
    """Return another focus."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def shifted(pixels: U8, share: float) -> U8:
    """Cut a share of the field off, top and left."""
    height, width = pixels.shape
    return pixels[int(share * height) :, int(share * width) :]


def warped(pixels: U8, chance: Chance) -> U8:
    """Warp the field smoothly, as at a later time point.

    Its parts move by about a fiftieth of its side.
    """
    height, width = pixels.shape
    bounds = [np.linspace(0, side, 6).astype(int).tolist() for side in (width, height)]
    x, y = np.meshgrid(*bounds)
    reach = 0.02 * min(pixels.shape)
    moved = [axis + chance.normal(0, reach, axis.shape) for axis in (x, y)]
    mesh = []
    for row, column in itertools.product(range(5), range(5)):
        box = (bounds[0][column], bounds[1][row], bounds[0][column + 1], bounds[1][row + 1])
        corners = [(row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1)]
        mesh.append((box, tuple(float(axis[corner]) for corner in corners for axis in moved)))
    return np.asarray(Image.fromarray(pixels).transform((width, height), Image.Transform.MESH, mesh))


def second_microscope(pixels: U8, chance: Chance) -> U8:
    """Return the field as another microscope would show it.

    At another magnification, slightly rotated and shifted, shaded, blurred and noisy.
    """
    height, width = (int(0.7 * side) for side in pixels.shape)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
    turned = np.asarray(image.rotate(1.5).filter(ImageFilter.GaussianBlur(1)))[height // 50 :, width // 100 :]
    return clipped(turned * np.linspace(0.7, 1.2, turned.shape[1]) + chance.normal(0, 6, turned.shape))


def clipped(values: npt.NDArray[np.float64]) -> U8:
    """Return grey levels."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[U8, Chance], U8]] = {
    "turned or flipped": lambda pixels, _: np.ascontiguousarray(np.rot90(pixels)),
    "focus: blur of 4 pixels": lambda pixels, _: filtered(pixels, 4),
    "focus: blur of 8 pixels": lambda pixels, _: filtered(pixels, 8),
    "noise of 40 grey levels": lambda pixels, chance: clipped(pixels + chance.normal(0, 40, pixels.shape)),
    "exposure: gamma 0.5": lambda pixels, _: clipped(255 * (pixels / 255) ** 0.5),
    "exposure: gamma 2": lambda pixels, _: clipped(255 * (pixels / 255) ** 2),
    "4 bits": lambda pixels, _: pixels // 16 * 17,
    "half the size": lambda pixels, _: np.asarray(Image.fromarray(pixels).reduce(2)),
    "shift of 3 %": lambda pixels, _: shifted(pixels, 0.03),
    "shift of 5 %": lambda pixels, _: shifted(pixels, 0.05),
    "next time point: warp of 2 %": warped,
    "second microscope": second_microscope,
}


def simulated() -> Iterator[tuple[str, U8]]:
    """Yield simulated fields of 320 x 400 pixels."""
    for seed in range(FIELDS):
        planes = field(np.random.default_rng(seed), 320, 400, Traits())
        yield "simulated", standardize([planes[name] for name in ("nucleus", "actin", "mitochondria")])


def real(data: Path, most: int) -> Iterator[tuple[str, U8]]:
    """Yield the standardised images of every source in DATA.

    At most ``most`` of each source.
    """
    for dir_name in source_names():
        if (data / dir_name).is_dir():
            try:
                images = list(
                    itertools.islice(get_source(dir_name).images(Folder.listed(str(data / dir_name), {})), most)
                )
            except LayoutError as error:
                print(f"  {error}")
                continue
            items = [
                Item(
                    "", dir_name, tuple(c.path for c in i.channels), tuple(c.plane for c in i.channels), i.region, 0, 0
                )
                for i in images
            ]
            with ChannelReader(str(data), {}, 150_000_000) as reader:
                for _, channels, *_ in reader.read_all(items):
                    try:
                        yield dir_name, standardize(channels)
                    except RejectedError:
                        continue


def tiles(pixels: U8, common: int, chance: Chance) -> tuple[U8, U8]:
    """Return two windows that share ``common`` columns of a field.

    Each has half the field's height and width.
    """
    height, width = (side // 2 for side in pixels.shape)
    step = width - common
    row = int(chance.integers(0, pixels.shape[0] - height))
    column = int(chance.integers(0, pixels.shape[1] - width - step + 1))
    return pixels[row : row + height, column : column + width], pixels[
        row : row + height, column + step : column + step + width
    ]


def neighbour(pixels: U8, chance: Chance) -> U8:
    """Return what the next stage position shows.

    It is half a pixel off, shaded and noisy.
    """
    height, width = pixels.shape
    moved = Image.fromarray(pixels).transform(
        (width - 1, height - 1), Image.Transform.AFFINE, (1, 0, 0.5, 0, 1, 0.5), Image.Resampling.BILINEAR
    )
    shaded = np.asarray(moved) * np.linspace(0.7, 1.2, width - 1)
    return clipped(shaded + chance.normal(0, 5, shaded.shape))


TILES: dict[str, Callable[[U8, Chance], U8]] = {
    "tiles of one photograph": lambda pixels, _: pixels,
    "neighbouring positions": neighbour,
}
