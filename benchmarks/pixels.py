"""Time making an example from pixels, against the plain ways.

    python -m benchmarks.pixels [FOLDER]

Reading, standardising, cropping and encoding are timed.

Three made-up images (the sizes and types of Recursion, Cell Painting and full-frame cameras) and four crops are each
processed in alternation, one core, files in the page cache, by
  paper    what the paper's scripts call: an 8-bit cv2.imread, np.percentile for each limit, float64, Pillow level 6
  plain    the usual good way: OpenCV reads, numpy's percentile, float32, Pillow level 6
  here     builder.pixels
FOLDER holds real images to encode (every file that can be read, below it). Prints medians of processor time in
milliseconds, ratios, counts of pixels that differ from the float64 specification (must be 0) and bytes against
Pillow's level 6.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import itertools
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

import cytoimagenet
from benchmarks.pixels_ways import (
    as_png,
    as_tiff,
    cells,
    here,
    opencv,
    paper,
    paper_stretched,
    pillow_png,
    plain,
    specification,
    stretched,
)
from builder.draw import Draw
from builder.errors import RejectedError
from builder.pixels import crop, kernels, normalize, percentiles
from builder.pixels.candidates import candidates
from builder.pixels.read import read
from builder.recipe import Recipe
from cytoimagenet_reader import decode
from cytoimagenet_reader.png import encoder


def medians(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return each way's median processor time in milliseconds.

    The ways run in alternation, after one unmeasured run.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if turn:
                times[name].append((time.process_time() - start) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def report(name: str, times: dict[str, float]) -> None:
    own = times["here"]
    cells_ = "  ".join(f"{way} {ms:8.2f} ms ({ms / own:5.1f}x)" for way, ms in times.items() if way != "here")
    print(f"{name:34s} here {own:7.2f} ms  {cells_}", flush=True)


INPUTS = {
    "512 x 512, 6 x 8-bit PNG": (512, 6, 8, as_png),
    "1080 x 1080, 5 x 16-bit TIFF": (1080, 5, 16, as_tiff),
    "2160 x 2160, 5 x 16-bit TIFF": (2160, 5, 16, as_tiff),
}


def whole_images(rounds: int, folder: Path) -> None:
    for name, (side, count, bits, write) in INPUTS.items():
        channels = [cells(side, side, k, 1, bits) for k in range(count)]
        files = [folder / f"{side}-{k}" for k in range(count)]
        for file, channel in zip(files, channels, strict=True):
            file.write_bytes(write(channel))
        ways: dict[str, Callable[[], object]] = {
            "here": lambda files=files: here(files),
            "paper": lambda files=files: paper(files),
            "plain": lambda files=files: plain(files),
        }
        report(name, medians(ways, rounds if side < 2000 else max(3, rounds // 3)))
        pixels = normalize.standardize(channels)
        wanted = np.rint(specification(channels) * 255).astype(np.uint8)
        steps = medians(
            {
                "read": lambda files=files: [read(f.read_bytes()) for f in files],
                "standardise": lambda channels=channels: normalize.standardize(channels),
                "encode": lambda pixels=pixels: encoder.encode(pixels),
            },
            rounds,
        )
        size = len(encoder.encode(pixels)) / len(pillow_png(pixels))
        off = np.count_nonzero(pixels != wanted)
        shown = ", ".join(f"{step} {ms:.2f}" for step, ms in steps.items())
        print(f"    {shown}; bytes {size:.3f} of Pillow level 6; {off} pixels off the specification")


def four_crops(rounds: int) -> None:
    channels = [cells(1080, 1080, k, 2, 16) for k in range(5)]
    recipe = Recipe()
    windows = [place.window for place in itertools.islice(crop.windows(1080, 1080, Draw(0, "benchmark"), recipe), 4)]
    merged = specification(channels)

    def usual(stretch: Callable[[np.ndarray], np.ndarray]) -> list[bytes]:
        return [pillow_png(np.rint(stretch(merged[window]) * 255).astype(np.uint8)) for window in windows]

    def ours() -> list[bytes]:
        out = []
        for window in windows:
            values = np.ascontiguousarray(merged[window])
            out.append(encoder.encode(kernels.rescale(values, *percentiles.of_merged(values, (0.1, 99.9)))))
        return out

    ways = {"here": ours, "paper": lambda: usual(paper_stretched), "plain": lambda: usual(stretched)}
    report("4 crops of it, normalise + encode", medians(ways, rounds))
    times = medians({"here": lambda: candidates(channels, 4, Draw(0, "benchmark"), recipe)}, rounds)
    print(f"    all of candidates on the 5 channels, 4 crops, with statistics: {times['here']:.2f} ms")


def encoding(name: str, images: list[np.ndarray], rounds: int) -> None:
    """Time encoding and decoding a set of images.

    Each way works through the whole set in turn.
    """
    ours, theirs = [encoder.encode(p) for p in images], [pillow_png(p) for p in images]
    size, other = sum(map(len, ours)), sum(map(len, theirs))
    ways = {
        "here": lambda: [encoder.encode(p) for p in images],
        "Pillow 6": lambda: [pillow_png(p) for p in images],
    }
    report(f"encode {len(images)} {name}", medians(ways, rounds))
    decode._PILLOW_WARMUP_IMAGES = 0
    readers = {
        "Pillow, ours": lambda: [np.asarray(Image.open(io.BytesIO(d))) for d in ours],
        "Pillow, Pillow 6": lambda: [np.asarray(Image.open(io.BytesIO(d))) for d in theirs],
        "OpenCV, ours": lambda: [opencv().imdecode(np.frombuffer(d, np.uint8), -1) for d in ours],
        "OpenCV, Pillow 6": lambda: [opencv().imdecode(np.frombuffer(d, np.uint8), -1) for d in theirs],
        "cytoimagenet.decode": lambda: [cytoimagenet.decode(d) for d in ours],
    }
    times = medians(readers, rounds)
    print(f"    bytes {size / other:.4f} of Pillow 6 ({size / len(ours) / 1e3:.1f} kB an image); decode ms: ", end="")
    print(", ".join(f"{way} {ms:.2f}" for way, ms in times.items()))
    print(f"    cytoimagenet.decode is {times['Pillow, ours'] / times['cytoimagenet.decode']:.2f}x Pillow")


def made_up_examples() -> list[np.ndarray]:
    recipe = Recipe()
    out = []
    for seed in range(8):
        channels = [cells(696, 520, k, seed, 16) for k in range(3)]
        for candidate in candidates(channels, seed % 4 + 1, Draw(0, seed), recipe):
            if candidate.pixels is not None:
                out.append(candidate.pixels)
        out.append(normalize.standardize(channels))
    return out


def real_examples(folder: Path, most: int = 6) -> dict[str, list[np.ndarray]]:
    """Return at most ``most`` standardised images of each folder below.

    Whole images and crops.
    """
    out: dict[str, list[np.ndarray]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".tif", ".png", ".jpg", ".bmp")):
        found = out.setdefault(path.relative_to(folder).parts[0], [])
        if len(found) >= most:
            continue
        try:
            images = candidates([read(path.read_bytes())], len(found) % 3, Draw(0, path.name), Recipe())
        except RejectedError:
            continue
        found += [p.pixels for p in images if p.pixels is not None][: most - len(found)]
    return {name: found for name, found in out.items() if found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="real images, one folder per source")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    opencv()  # named as missing before anything is measured
    names = ("numpy", "pillow", "opencv-python-headless", "imagecodecs", "tifffile", "zlib-ng", "numba")
    versions = {name: importlib.metadata.version(name) for name in names}
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {json.dumps(versions)}")
    with tempfile.TemporaryDirectory() as folder:
        whole_images(args.rounds, Path(folder))
    four_crops(args.rounds)
    encoding("made-up images", made_up_examples(), max(3, args.rounds // 3))
    if args.folder:
        sets = real_examples(args.folder)
        encoding("real images", [p for found in sets.values() for p in found], max(3, args.rounds // 3))
        for name, found in sets.items():
            sizes = [sum(len(way(p)) for p in found) for way in (encoder.encode, pillow_png)]
            print(f"    {name:24s} {len(found)} images, bytes {sizes[0] / sizes[1]:.3f} of Pillow 6")


if __name__ == "__main__":
    main()
