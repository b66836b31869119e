"""The split's audit by content: hits, false alarms and time.

    python -m benchmarks.audit                               simulated fields, 80,000 x 9,000 thumbnails
    python -m benchmarks.audit --data DATA                   real images too: one folder a source, as `build` takes it
    python -m benchmarks.audit --train 800000 --validation 90000

Prints, for each kind of repetition, the share of changed copies that are called alike; for unrelated images of each
source, how many pairs are; and the seconds for so many thumbnails.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.audit_images import CHANGES, TILES, Chance, clipped, real, simulated, tiles
from builder.errors import RejectedError
from builder.pixels import alike_candidates
from builder.pixels.alike import alike
from builder.pixels.keypoints import WORDS, KeyPoints, key_points
from builder.pixels.normalize import standardize
from builder.pixels.overlap import overlap
from builder.pixels.overlap_candidates import Index
from builder.pixels.thumbnail import SIDE, thumbnail

U8 = npt.NDArray[np.uint8]
I8 = npt.NDArray[np.int8]

FULL = (800_000, 90_000)
COMMON = (128, 96, 64, 48, 32)


def rates(images: list[tuple[str, U8]]) -> None:
    """Print hit rates for changed copies and false alarms.

    False alarms are counted among pairs of unrelated images.
    """
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


def overlaps(images: list[tuple[str, U8]]) -> None:
    """Print which overlaps are found, and which wrongly."""
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
    """Return the overlaps proposed that the correlation confirms.

    Each comes with its correlation, which is above the threshold.
    """
    proposals = Index([key_points(pixels) for pixels in seconds]).proposals([key_points(pixels) for pixels in firsts])
    judged = ((p, overlap(firsts[p.first], seconds[p.second], p)) for p in proposals)
    return [(p, found.correlation) for p, found in judged if found]


def matched(images: list[U8], train: int, validation: int) -> None:
    """Time key points of one source; print the index's memory.

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
    """Return thumbnails of random fields as coarse as microscopy images."""
    out = np.empty((count, SIDE, SIDE), np.int8)
    for place in range(count):
        coarse = chance.random((int(chance.integers(24, 64)),) * 2)
        out[place] = thumbnail(clipped(255 * np.clip(3 * (coarse - 0.6), 0, 1)))
    return out


def timed(train: int, validation: int) -> None:
    """Time the audit of so many thumbnails.

    Also prints what a whole CytoImageNet would take at this rate.
    """
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
    """Return thumbnails that each combine two of some kinds.

    They differ as much as the kinds do, and are quick to make.
    """
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
