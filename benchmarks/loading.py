"""How fast a package gives images, compared with its peers.

The peers are the other ways to keep and load images.

    python -m benchmarks.loading [--images 2000] [--side 300] [--rounds 3] [--only decoded]

The same images (8-bit grey PNG, as the builder encodes them, with the package's 25 other columns) are written once
in every format. Each work is done by every loader, ``--rounds`` times, in another order each time, and each time for as
many epochs as take 0.3 seconds; a line gives the median of images per second and its ratio to ours. Peers that are not
installed are named and left out.

tables    record batches of undecoded images and labels, handed out: nobody reads what lies in them, and of a file that
          is mapped into memory it is not even read from there
views     undecoded image and label of each row, as a memoryview of the record batch; nobody reads it
read      the same, or bytes of those who have no views, and every byte of the image is read once
bytes     undecoded image and label of each row, as Python's bytes
random    the same, in a random order
decoded   uint8 arrays with labels, one core; ``decoded 2`` two cores: two threads (ours) or workers (peers)
batches   224 x 224, antialiased bilinear, torch batches of 64 with labels; ``batches 2`` likewise
first     in a fresh process that has imported its libraries: seconds to the first batch of 64 at 224 x 224, and the
          most memory an epoch takes, of the process and its workers, without what is mapped from files
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch

import cytoimagenet
from benchmarks.loading_first import first
from benchmarks.loading_ours import OURS, UNDECODED
from benchmarks.loading_peers import write_all
from benchmarks.loading_shared import Made
from cytoimagenet_reader.png.encoder import encode
from tests.loading.made_package import make_package

CLASSES = {"organism": ("human", "mouse"), "compound": tuple(f"compound {i}" for i in range(18))}
UNDECODED_WORKS = ("tables", "views", "read", "bytes", "random")
LEAST = 0.3  # seconds that are measured at once: views of 2,000 images take some milliseconds
Run = Callable[[], Iterator[int]]  # gives how many images came, again and again


def field(side: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return a made-up field of view (uint8).

    Blurred spots on a background with camera noise.
    """
    y, x = np.mgrid[:side, :side]
    image = np.full((side, side), 20.0)
    for cy, cx, radius, light in rng.uniform([0, 0, 6, 40], [side, side, 20, 200], (25, 4)):
        image += light * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
    noisy: np.ndarray[Any, Any] = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    return noisy


def make(folder: Path, count: int, side: int) -> Path:
    rng = np.random.default_rng(0)
    pool = itertools.cycle([encode(field(side, rng)) for _ in range(60)])
    each = {"train": -(-count // 20), "validation": 1}
    shards = {"train": 4, "validation": 1}
    return make_package(
        folder, classes=CLASSES, per_class=each, shards=shards, batch_rows=100, side=4, encode=lambda _: next(pool)
    )


def work(loader: Any, name: str) -> Run | None:
    """Return one work of a loader.

    None if it has no such access.
    """
    kind, _, workers = name.partition(" ")
    method = getattr(loader, kind, None)
    if method is None:
        return None
    return method if kind in UNDECODED_WORKS else lambda: method(int(workers or 0))


def rate(run: Run, name: str, images: int) -> float:
    """Return images per second of whole epochs.

    An epoch that is not whole is an error, but for a random sample.
    """
    start, seconds, total = time.perf_counter(), 0.0, 0
    while seconds < LEAST:
        count = sum(run())
        seconds = time.perf_counter() - start
        total += count
        if count != images and name != "random":
            raise ValueError(f"{count} of {images} images came")
    return total / seconds


def measure(found: dict[str, Any], name: str, rounds: int, images: int) -> dict[str, float]:
    """Print and return the images per second of one work."""
    rates: dict[str, list[float]] = {loader: [] for loader in found}
    cores = sorted(os.sched_getaffinity(0))  # threads of one process must not count as one core
    os.sched_setaffinity(0, cores[: 2 if name.endswith(" 2") else 1])
    failed: dict[str, Exception] = {}
    for turn in range(rounds + 1):  # the first round warms caches and compiled code up, and starts the workers
        for loader in random.Random(turn).sample(list(found), len(found)):
            run = work(found[loader], name)
            if run is None or loader in failed:
                continue
            time.sleep(0.5)  # workers of the one before have ended their epoch
            try:
                rates[loader].append(rate(run, name, images))
            except Exception as error:  # noqa: BLE001 -- printed below: a peer that fails must not end the others' run
                failed[loader] = error
    for instance in found.values():
        instance.close()
    os.sched_setaffinity(0, cores)
    medians = {loader: statistics.median(values[1:]) for loader, values in rates.items() if len(values) > rounds}
    peer, best = max(((loader, median) for loader, median in medians.items() if loader not in OURS), key=lambda p: p[1])
    ours = medians["cytoimagenet"]
    print(f"\n{name}: images per second; ours is {ours / best:.2f} times the best peer ({peer})")
    for loader, median in sorted(medians.items(), key=lambda item: -item[1]):
        ratio = (
            f"this / best peer: {median / best:6.2f}" if loader in OURS else f"ours / this:      {ours / median:6.2f}"
        )
        print(f"  {loader:30s} {median:10,.0f}   {ratio}", flush=True)
    for loader, fault in failed.items():
        print(f"  {loader:30s} failed: {type(fault).__name__}: {str(fault).strip().splitlines()[-1]}")
    return medians


def against_one_core(two: dict[str, float], one: dict[str, float]) -> None:
    """Compare our two cores with one of the best peer."""
    peer, best = max(((loader, median) for loader, median in one.items() if loader not in OURS), key=lambda p: p[1])
    ratios = ", ".join(f"{loader} {median / best:.2f}" for loader, median in two.items() if loader in OURS)
    print(f"  on two cores, in images per second of the best peer's one ({peer}, {best:,.0f}): {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--side", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="tables,views,read,bytes,random,decoded,decoded 2,batches,batches 2,first")
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    torch.set_num_threads(1)
    named: tuple[str, ...] = ("datasets", "pyarrow", "pillow", "torch", "numba", "isal", "webdataset", "litdata")
    named = (*named, "mosaicml-streaming", "pylance", "opencv-python-headless")
    installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()};", end=" ")
    print(", ".join(f"{name} {installed.get(name, 'absent')}" for name in named))
    with tempfile.TemporaryDirectory() as folder:
        made = Made(make(Path(folder) / "package", arguments.images, arguments.side), Path(folder))
        opened = cytoimagenet.open(made.package, columns=["image", "label"]).cast_column("image", UNDECODED)
        images = [(row["image"]["bytes"], row["label"]) for row in opened]
        size = statistics.mean(len(data) for data, _ in images) / 1000
        print(f"{len(images):,} images, side {arguments.side}, {size:.0f} kB each")
        kinds = {**OURS, **write_all(made, images)}
        found = {name: kind(made) for name, kind in kinds.items()}
        medians: dict[str, dict[str, float]] = {}
        for name in arguments.only.split(","):
            if name == "first":
                first(found, made, arguments.rounds)
            else:
                medians[name] = measure(found, name, arguments.rounds, len(images))
                if name.endswith(" 2") and name[:-2] in medians:
                    against_one_core(medians[name], medians[name[:-2]])


if __name__ == "__main__":
    main()
