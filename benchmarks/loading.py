"""How fast pictures come out of a package, against the other ways to keep and load them.

    python -m benchmarks.loading [--pictures 2000] [--side 300] [--rounds 3] [--only decoded]

The same pictures (8-bit grey PNG, as the builder encodes them, with the package's 25 other columns) are written once
in every format. Each work is done by every loader in turn, ``--rounds`` times over; a line gives the median of
pictures a second and its ratio to ours. Peers that are not installed are named and left out.

bytes     undecoded picture and label, one process
random    the same, in a random order
decoded   uint8 arrays with labels, one core; ``decoded 2`` two cores: two threads (ours) or workers (peers)
batches   224 x 224, antialiased bilinear, torch batches of 64 with labels; ``batches 2`` likewise
first     seconds from nothing to the first batch of 64 at 224 x 224 (smaller is better)
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import io
import itertools
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

import cytoimagenet
from builder.pixels.png import encode
from tests.loading.made_package import make_package

SIZE = (224, 224)
CLASSES = {"organism": ("human", "mouse"), "compound": tuple(f"compound {i}" for i in range(18))}
Run = Callable[[], int]  # returns how many pictures it went through


def field(side: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return a made-up field of view (uint8): blurred spots on a background with camera noise."""
    y, x = np.mgrid[:side, :side]
    picture = np.full((side, side), 20.0)
    for cy, cx, radius, light in rng.uniform([0, 0, 6, 40], [side, side, 20, 200], (25, 4)):
        picture += light * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
    noisy: np.ndarray[Any, Any] = np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    return noisy


def pillow(data: bytes, size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    picture = Image.open(io.BytesIO(data))
    return np.asarray(picture if size is None else picture.resize(size, Image.Resampling.BILINEAR))


class Decoding(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    """(bytes, label) of a peer, decoded by Pillow and shared among torch's workers where the peer does not do so."""

    def __init__(self, rows: Callable[[], Iterator[tuple[bytes, int]]], size: Any, share: bool) -> None:
        self.rows, self.size, self.share = rows, size, share

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        worker = torch.utils.data.get_worker_info()
        rows = self.rows()
        if worker and self.share:
            rows = itertools.islice(rows, worker.id, None, worker.num_workers)
        for data, label in rows:
            pixels = pillow(data, self.size)
            yield (torch.from_numpy(pixels.copy()), label)


def through_torch(rows: Callable[[], Iterator[tuple[bytes, int]]], size: Any, workers: int, share: bool) -> int:
    batch = 64 if size else None
    data = torch.utils.data.DataLoader(Decoding(rows, size, share), batch_size=batch, num_workers=workers)
    return sum(len(labels) if size else 1 for _, labels in data)


class Ours:
    """The package, read by ``open``, ``CytoImageNet`` and ``loader``."""

    def __init__(self, package: Path) -> None:
        self.package = package
        builder = cytoimagenet.CytoImageNet(data_dir=package, columns=["image", "label"])
        self.stream = builder.as_streaming_dataset(split="train").cast_column("image", datasets.Image(decode=False))
        opened = cytoimagenet.open(package, columns=["image", "label"])
        self.opened = opened.cast_column("image", datasets.Image(decode=False))

    def bytes(self) -> int:
        return sum(1 for _ in self.stream)

    def random(self) -> int:
        order = np.random.default_rng(0).permutation(len(self.opened)).tolist()
        return sum(1 for i in order if self.opened[i]["image"])

    def decoded(self, workers: int) -> int:
        loader = cytoimagenet.loader(self.package, size=None, threads=max(workers, 1), shuffle=False)
        return sum(len(labels) for _, labels in loader)

    def batches(self, workers: int) -> int:
        loader = cytoimagenet.loader(self.package, size=SIZE, threads=max(workers, 1), shuffle=False)
        return sum(len(labels) for _, labels in loader)


class Peer:
    """Another way: ``rows`` gives (bytes, label); ``share`` says that torch's workers must share them here."""

    share = True

    def rows(self) -> Iterator[tuple[bytes, int]]:
        raise NotImplementedError

    def bytes(self) -> int:
        return sum(1 for _ in self.rows())

    def decoded(self, workers: int) -> int:
        return through_torch(self.rows, None, workers, self.share)

    def batches(self, workers: int) -> int:
        return through_torch(self.rows, SIZE, workers, self.share)


class Packaged(Peer):
    """``datasets`` streaming files by its own reader, arrow or parquet."""

    share = False  # shards are shared by datasets

    def __init__(self, files: list[str], kind: str, features: datasets.Features) -> None:
        features = datasets.Features({**features, "image": datasets.Image(decode=False)})
        self.stream = datasets.load_dataset(kind, data_files=files, split="train", streaming=True, features=features)

    def rows(self) -> Iterator[tuple[bytes, int]]:
        return ((row["image"]["bytes"], row["label"]) for row in self.stream)


class Prepared(Peer):
    """``datasets`` from its cache: random access."""

    def __init__(self, files: list[str], features: datasets.Features, cache: Path) -> None:
        features = datasets.Features({**features, "image": datasets.Image(decode=False)})
        data = datasets.load_dataset("arrow", data_files=files, split="train", features=features, cache_dir=str(cache))
        self.data = data.select_columns(["image", "label"])

    def rows(self) -> Iterator[tuple[bytes, int]]:
        return ((row["image"]["bytes"], row["label"]) for row in self.data)

    def random(self) -> int:
        order = np.random.default_rng(0).permutation(len(self.data)).tolist()
        return sum(1 for i in order if self.data[i]["image"])


class Folder(Peer):
    """One file a picture, in a folder a class."""

    def __init__(self, pictures: list[tuple[bytes, int]], folder: Path) -> None:
        self.files = []
        for i, (data, label) in enumerate(pictures):
            path = folder / f"{label:03d}" / f"{i:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            self.files.append((path, label))

    def rows(self) -> Iterator[tuple[bytes, int]]:
        return ((path.read_bytes(), label) for path, label in self.files)

    def random(self) -> int:
        order = np.random.default_rng(0).permutation(len(self.files)).tolist()
        return sum(1 for i in order if self.files[i][0].read_bytes())


class WebDataset(Peer):
    def __init__(self, pictures: list[tuple[bytes, int]], folder: Path) -> None:
        self.module = importlib.import_module("webdataset")
        folder.mkdir()
        for shard in range(4):
            with self.module.TarWriter(str(folder / f"{shard}.tar")) as sink:
                for i, (data, label) in enumerate(pictures[shard::4]):
                    sink.write({"__key__": f"{shard}-{i:06d}", "png": data, "cls": label})
        self.urls = [str(folder / f"{shard}.tar") for shard in range(4)]
        self.share = False

    def rows(self) -> Iterator[tuple[bytes, int]]:
        data = self.module.WebDataset(self.urls, shardshuffle=False, workersplitter=self.module.split_by_worker)
        return ((row["png"], int(row["cls"])) for row in data)


class LitData(Peer):
    def __init__(self, pictures: list[tuple[bytes, int]], folder: Path) -> None:
        self.module = importlib.import_module("litdata")
        cache = self.module.streaming.Cache(str(folder), chunk_bytes="64MB")
        for i, (data, label) in enumerate(pictures):
            cache[i] = {"image": data, "label": label}
        cache.done()
        cache.merge()
        self.folder = str(folder)
        self.share = False

    def rows(self) -> Iterator[tuple[bytes, int]]:
        return ((row["image"], row["label"]) for row in self.module.StreamingDataset(self.folder, shuffle=False))

    def random(self) -> int:
        data = self.module.StreamingDataset(self.folder, shuffle=False)
        order = np.random.default_rng(0).permutation(len(data)).tolist()[:200]
        return sum(1 for i in order if data[i]["image"])


class Mosaic(Peer):
    def __init__(self, pictures: list[tuple[bytes, int]], folder: Path) -> None:
        self.module = importlib.import_module("streaming")
        with self.module.MDSWriter(out=str(folder), columns={"image": "bytes", "label": "int"}) as sink:
            for data, label in pictures:
                sink.write({"image": data, "label": label})
        self.data = self.module.StreamingDataset(local=str(folder), shuffle=False, batch_size=64)
        self.share = False

    def rows(self) -> Iterator[tuple[bytes, int]]:
        return ((row["image"], row["label"]) for row in self.data)

    def random(self) -> int:
        order = np.random.default_rng(0).permutation(len(self.data)).tolist()
        return sum(1 for i in order if self.data[int(i)]["image"])


def make(folder: Path, count: int, side: int) -> Path:
    rng = np.random.default_rng(0)
    pool = itertools.cycle([encode(field(side, rng)) for _ in range(60)])
    each = {"train": -(-count // 20), "validation": 1}
    shards = {"train": 4, "validation": 1}
    return make_package(
        folder, classes=CLASSES, per_class=each, shards=shards, batch_rows=100, side=4, encode=lambda _: next(pool)
    )


def loaders(folder: Path, package: Path) -> dict[str, Any]:
    ours = Ours(package)
    pictures = [(row["image"]["bytes"], row["label"]) for row in ours.opened]
    features = cytoimagenet.open(package).features
    files = sorted(map(str, (package / "data").rglob("train*.arrow")))
    parquet = []
    for file in files:
        table = pa.ipc.open_stream(Path(file).read_bytes()).read_all()
        parquet.append(str(folder / f"{len(parquet)}.parquet"))
        pq.write_table(table, parquet[-1], row_group_size=100)
    makers: dict[str, Callable[[], Any]] = {
        "datasets arrow, streaming": lambda: Packaged(files, "arrow", features),
        "datasets parquet, streaming": lambda: Packaged(parquet, "parquet", features),
        "datasets, from its cache": lambda: Prepared(files, features, folder / "cache"),
        "image folder": lambda: Folder(pictures, folder / "images"),
        "WebDataset": lambda: WebDataset(pictures, folder / "webdataset"),
        "LitData": lambda: LitData(pictures, folder / "litdata"),
        "MosaicML Streaming": lambda: Mosaic(pictures, folder / "mds"),
    }
    found: dict[str, Any] = {"cytoimagenet": ours}
    for name, maker in makers.items():
        try:
            found[name] = maker()
        except ImportError as error:
            print(f"{name}: left out ({error})")
    return found


def work(loader: Any, name: str) -> Run | None:
    """Return one work of a loader, or None if it has no such access."""
    kind, _, workers = name.partition(" ")
    method = getattr(loader, kind, None)
    if method is None:
        return None
    return method if kind in ("bytes", "random") else lambda: method(int(workers or 0))


def measure(found: dict[str, Any], name: str, rounds: int) -> None:
    rates: dict[str, list[float]] = {loader: [] for loader in found}
    cores = sorted(os.sched_getaffinity(0))  # threads of one process must not count as one core
    os.sched_setaffinity(0, cores[: 2 if name.endswith(" 2") else 1])
    failed: dict[str, Exception] = {}
    for _ in range(rounds + 1):  # the first round warms caches and compiled code up
        for loader, instance in found.items():
            run = work(instance, name)
            if run is None or loader in failed:
                continue
            start = time.perf_counter()
            try:
                count = run()
            except Exception as error:  # noqa: BLE001 -- printed below: a peer that fails must not end the others' run
                failed[loader] = error
                continue
            rates[loader].append(count / (time.perf_counter() - start))
    os.sched_setaffinity(0, cores)
    medians = {loader: statistics.median(values[1:]) for loader, values in rates.items() if len(values) > rounds}
    ours = medians["cytoimagenet"]
    best = max((rate, loader) for loader, rate in medians.items() if loader != "cytoimagenet")
    print(f"\n{name}: pictures a second; ours is {ours / best[0]:.2f} times the best peer ({best[1]})")
    for loader, rate in sorted(medians.items(), key=lambda item: -item[1]):
        print(f"  {loader:30s} {rate:10,.0f}   ours / this: {ours / rate:6.2f}", flush=True)
    for loader, error in failed.items():
        print(f"  {loader:30s} failed: {type(error).__name__}: {str(error).strip().splitlines()[-1]}")


def first_batch(package: Path) -> None:
    start = time.perf_counter()
    next(iter(cytoimagenet.open(package).with_format("numpy").iter(64)))
    print(f"\nopen, to its first 64 decoded pictures: {time.perf_counter() - start:.3f} s")
    start = time.perf_counter()
    next(iter(cytoimagenet.loader(package)))
    print(f"loader, to its first batch: {time.perf_counter() - start:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--side", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="bytes,random,decoded,decoded 2,batches,batches 2,first")
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    torch.set_num_threads(1)
    named = ("datasets", "pyarrow", "pillow", "torch", "numba", "isal", "webdataset", "litdata", "mosaicml-streaming")
    installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()};", end=" ")
    print(", ".join(f"{name} {installed.get(name, 'absent')}" for name in named))
    with tempfile.TemporaryDirectory() as folder:
        package = make(Path(folder) / "package", arguments.pictures, arguments.side)
        found = loaders(Path(folder), package)
        sizes = [len(data["bytes"]) for data in found["cytoimagenet"].opened["image"]]
        print(f"{len(sizes):,} pictures, side {arguments.side}, {statistics.mean(sizes) / 1000:.0f} kB each")
        for name in arguments.only.split(","):
            if name == "first":
                first_batch(package)
            else:
                measure(found, name, arguments.rounds)
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB (all loaders together)")


if __name__ == "__main__":
    main()
