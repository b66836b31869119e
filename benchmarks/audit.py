"""The audit of the split by content: what it finds, what it finds wrongly, and how long it takes.

    python -m benchmarks.audit                               simulated fields, 80,000 x 9,000 thumbnails
    python -m benchmarks.audit --data DATA                   real images too: one folder a source, as `build` takes it
    python -m benchmarks.audit --train 800000 --validation 90000

Prints, for each kind of repetition, the share of changed copies that are called alike; for unrelated images of each
source, how many pairs are; and the seconds for so many thumbnails.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from builder.demo.cells import Traits, field
from builder.errors import RejectedError
from builder.pixels import alike_candidates
from builder.pixels.alike import alike
from builder.pixels.keypoints import WORDS, KeyPoints, key_points
from builder.pixels.normalize import standardize
from builder.pixels.overlap import overlap
from builder.pixels.overlap_candidates import Index
from builder.pixels.thumbnail import SIDE, thumbnail
from builder.sources import get_source, source_names
from builder.sources.common.folder import Folder, LayoutError
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item

U8 = npt.NDArray[np.uint8]
I8 = npt.NDArray[np.int8]
Chance = np.random.Generator

FIELDS = 60
FULL = (800_000, 90_000)
COMMON = (128, 96, 64, 48, 32)


def filtered(pixels: U8, radius: float) -> U8:
    """Return another focus."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def shifted(pixels: U8, share: float) -> U8:
    """Return the field without this share of its side at the top and left."""
    height, width = pixels.shape
    return pixels[int(share * height) :, int(share * width) :]


def warped(pixels: U8, chance: Chance) -> U8:
    """Return the field with its parts moved by about a fiftieth of its side, smoothly: a later time point."""
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
    """Return the field at another magnification, slightly turned and shifted, shaded, blurred and noisy."""
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
    """Yield the standardised images of every source in DATA, at most so many of each."""
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


def rates(images: list[tuple[str, U8]]) -> None:
    """Print what is found of changed copies, and among unrelated images."""
    names = np.array([name for name, _ in images])
    small = np.stack([thumbnail(pixels) for _, pixels in images])
    cells = names == "bbbc041"
    for what, here in (("fields", np.flatnonzero(~cells)), ("single blood cells", np.flatnonzero(cells))):
        if len(here):
            print(f"  changed copies of {len(here)} {what}")
            for change, make in CHANGES.items():
                chance = np.random.default_rng(0)
                copies = np.stack([thumbnail(np.ascontiguousarray(make(images[place][1], chance))) for place in here])
                found = alike(small[here], copies)
                print(f"    {change:32} {(found.first == found.second).sum() / len(here):.2f}")
    found = alike(small, small)
    print("  pairs of different images that are alike, of all pairs of the source")
    for name in sorted(set(names)):
        count = int((names == name).sum())
        mine = (names[found.first] == name) & (names[found.second] == name) & (found.first < found.second)
        print(f"    {name:32} {mine.sum():5} of {count * (count - 1) // 2:,}")
    across = (names[found.first] != names[found.second]) & (found.first < found.second)
    print(f"    {'of two sources':32} {across.sum():5}")


def tiles(pixels: U8, common: int, chance: Chance) -> tuple[U8, U8]:
    """Return two windows of a field, half its sides, that have so many columns in common."""
    height, width = (side // 2 for side in pixels.shape)
    step = width - common
    row = int(chance.integers(0, pixels.shape[0] - height))
    column = int(chance.integers(0, pixels.shape[1] - width - step + 1))
    return pixels[row : row + height, column : column + width], pixels[
        row : row + height, column + step : column + step + width
    ]


def neighbour(pixels: U8, chance: Chance) -> U8:
    """Return what the next stage position shows: half a pixel off, shaded, noisy."""
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


def overlaps(images: list[tuple[str, U8]]) -> None:
    """Print which overlaps are found, and which images that do not overlap are said to."""
    fields = [pixels for _, pixels in images if min(pixels.shape) >= 200]
    chance = np.random.default_rng(0)
    for kind, change in TILES.items():
        for common in COMMON:
            pairs = [tiles(pixels, common, chance) for pixels in fields]
            firsts, seconds = ([], [])
            for first, second in pairs:
                sides = [Image.fromarray(first), Image.fromarray(change(second, chance))]
                try:
                    one, other = (standardize([np.asarray(side)]) for side in sides)
                except RejectedError:
                    continue
                firsts.append(one)
                seconds.append(other)
            found = {(p.first, p.second) for p, _ in overlapping(firsts, seconds)}
            hits = sum((place, place) in found for place in range(len(firsts)))
            print(f"  {kind}, {common} columns in common: {hits / max(1, len(firsts)):.2f} of {len(firsts)}")
    whole = [pixels for _, pixels in images]
    said = [(p, r) for p, r in overlapping(whole, whole) if p.first < p.second]
    print(f"  of {len(whole) * (len(whole) - 1) // 2:,} pairs of different images {len(said)} are said to overlap:")
    for proposal, correlation in sorted(said, key=lambda pair: -pair[1]):
        sources = " and ".join(images[place][0] for place in (proposal.first, proposal.second))
        print(f"    {correlation:.3f} {sources}, shifted by {proposal.shift}")


def overlapping(firsts: list[U8], seconds: list[U8]) -> list[tuple[Any, float]]:
    """Return what is proposed of these images, with the correlation where it is above the threshold."""
    proposals = Index([key_points(pixels) for pixels in seconds]).proposals([key_points(pixels) for pixels in firsts])
    judged = ((p, overlap(firsts[p.first], seconds[p.second], p)) for p in proposals)
    return [(p, found.correlation) for p, found in judged if found]


def matched(images: list[U8], train: int, validation: int) -> None:
    """Print the seconds for the key points of so many examples of one source, and what memory the index holds.

    The points are those of the images, with each bit turned in one of 16 cases: as common or rare as real ones are.
    """
    chance = np.random.default_rng(0)
    start, pixels = time.process_time(), sum(image.size for image in images)
    known = [key_points(image, 64) for image in images]
    print(f"  key points: {(time.process_time() - start) / pixels * 1e9:.1f} ms of a core for a million pixels")
    words = np.concatenate([points.words for points in known])

    def made() -> KeyPoints:
        places = chance.integers(0, 120, (64, 2)).astype(np.int32)
        bits = [chance.integers(0, 1 << 32, (64, WORDS), dtype=np.uint32) for _ in range(4)]
        return KeyPoints(places, words[chance.integers(0, len(words), 64)] ^ (bits[0] & bits[1] & bits[2] & bits[3]))

    start = time.process_time()
    index = Index([made() for _ in range(validation)])
    some = min(train, 20_000)
    took = 0.0
    for _ in range(0, some, 2000):
        asked = [made() for _ in range(2000)]
        start = time.process_time()
        index.proposals(asked)
        took += time.process_time() - start
    print(
        f"  {train:,} x {validation:,} examples of one source, 64 points each: {took * train / some / 60:.1f} minutes"
    )


def thumbnails(count: int, chance: Chance) -> I8:
    """Return thumbnails of random fields whose structure is as coarse as that of microscopy images."""
    out = np.empty((count, SIDE, SIDE), np.int8)
    for place in range(count):
        coarse = chance.random((int(chance.integers(24, 64)),) * 2)
        out[place] = thumbnail(clipped(255 * np.clip(3 * (coarse - 0.6), 0, 1)))
    return out


def timed(train: int, validation: int) -> None:
    """Print the seconds for so many thumbnails, and for a whole CytoImageNet."""
    chance = np.random.default_rng(0)
    kinds = thumbnails(4000, chance)
    first, second = (varied(kinds, count, chance) for count in (train, validation))
    second[:100] = first[:100]
    alike(first[:3000], second[:2000])  # compiles
    start, spent = time.perf_counter(), time.process_time()
    found = alike(first, second)
    took, spent = time.perf_counter() - start, time.process_time() - spent
    assert found.correlation[:100].min() > 0.999, "copies were missed"
    near = sum(len(rows) for rows, _ in alike_candidates.candidates(first[:8000], second[:900]))
    print(
        f"  {train:,} x {validation:,}: {took:.1f} s ({spent:.1f} s of processor), "
        f"{len(found.first):,} pairs alike (100 are copies)"
    )
    print(f"  of 8,000 x 900 pairs {near:,} were compared in full")
    scale = FULL[0] * FULL[1] / (train * validation)
    both = spent * scale / 60 / 2
    print(
        f"  {FULL[0]:,} x {FULL[1]:,} at this rate: {took * scale / 60:.1f} minutes; {both:.1f} on two cores of its own"
    )


def varied(kinds: I8, count: int, chance: Chance) -> I8:
    """Return thumbnails made of two of some kinds each: as different as those are, and quickly made."""
    out = np.empty((count, SIDE, SIDE), np.int8)
    for start in range(0, count, 10_000):
        size = min(10_000, count - start)
        one, other = (kinds[chance.integers(0, len(kinds), size)].astype(np.int16) for _ in range(2))
        turned = np.roll(other[:, ::-1], (int(chance.integers(SIDE)), int(chance.integers(SIDE))), axis=(1, 2))
        out[start : start + size] = np.clip((3 * one + 3 * turned) // 4, -127, 127)
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--train", type=int, default=80_000)
    parser.add_argument("--validation", type=int, default=9_000)
    parser.add_argument("--most", type=int, default=400, help="images of a source")
    options = parser.parse_args()
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    print("simulated")
    rates(list(simulated()))
    if options.data:
        print(f"real: {options.data}")
        images = list(real(options.data, options.most))
        rates(images)
        print("overlaps")
        overlaps(images)
        matched([pixels for _, pixels in images], options.train, options.validation)
    print("time")
    timed(options.train, options.validation)


if __name__ == "__main__":
    main()
