"""Other ways to keep and load images, for ``benchmarks/loading.py``.

Each writes its own files and reads them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.loading_shared import ArrowPeer, Made, Peer, Rows, opencv, rows_of


class PackagedArrow(ArrowPeer):
    """``datasets`` streaming the package's shards by its own reader."""

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        self.stream = self.load("arrow", made.shards)

    def record_batches(self) -> Iterator[pa.RecordBatch]:
        tables = self.stream.with_format("arrow").iter(100)
        return (batch for table in tables for batch in table.to_batches())

    def load(self, kind: str, files: list[str]) -> Any:
        features = self.made.features()
        stream = datasets.load_dataset(kind, data_files=files, split="train", streaming=True, features=features)
        return stream.select_columns(["image", "label"])

    def rows(self, worker: int, workers: int) -> Rows:  # the shards are shared among workers by datasets
        return ((row["image"]["bytes"], row["label"]) for row in self.stream)


class PackagedParquet(PackagedArrow):
    """The same of Parquet files."""

    def __init__(self, made: Made) -> None:
        Peer.__init__(self, made)
        self.stream = self.load("parquet", sorted(map(str, made.folder.glob("*.parquet"))))

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        for number, file in enumerate(made.shards):
            table = pa.ipc.open_stream(Path(file).read_bytes()).read_all()
            pq.write_table(table, made.folder / f"{number:03d}.parquet", row_group_size=100)


class Prepared(ArrowPeer):
    """``datasets`` from its cache, with random access."""

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        cache = str(made.folder / "cache")
        features = made.features()
        data = datasets.load_dataset("arrow", data_files=made.shards, split="train", features=features, cache_dir=cache)
        self.data = data.select_columns(["image", "label"])

    def record_batches(self) -> Iterator[pa.RecordBatch]:
        return (batch for table in self.data.with_format("arrow").iter(100) for batch in table.to_batches())

    def rows(self, worker: int, workers: int) -> Rows:
        return ((row["image"]["bytes"], row["label"]) for row in self.data.shard(workers, worker, contiguous=True))

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(len(self.data)).tolist()
        return (1 for i in order if self.data[i]["image"])


class Folder(Peer):
    """One file per image, in one folder per class.

    torchvision's ImageFolder reads them.
    """

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        self.files = [(path, int(path.parent.name)) for path in sorted((made.folder / "images").rglob("*.png"))]

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        for i, (data, label) in enumerate(images):
            path = made.folder / f"images/{label:03d}/{i:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def rows(self, worker: int, workers: int) -> Rows:
        return ((path.read_bytes(), label) for path, label in self.files[worker::workers])

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(len(self.files)).tolist()
        return (1 for i in order if self.files[i][0].read_bytes())


class WebDataset(Peer):
    modules = ("webdataset",)

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        module = importlib.import_module("webdataset")
        for shard in range(4):
            with module.TarWriter(str(made.folder / f"{shard}.tar")) as sink:
                for i, (data, label) in enumerate(images[shard::4]):
                    sink.write({"__key__": f"{shard}-{i:06d}", "png": data, "cls": label})

    def rows(self, worker: int, workers: int) -> Rows:
        module = importlib.import_module("webdataset")
        urls = sorted(map(str, self.made.folder.glob("*.tar")))
        data = module.WebDataset(urls, shardshuffle=False, workersplitter=module.split_by_worker)
        return ((row["png"], int(row["cls"])) for row in data)


class Lance(ArrowPeer):
    """Lance, from its own files.

    A worker takes a run of rows, random access a batch of 64 rows at a time.
    """

    modules = ("lance",)
    context = "spawn"  # its threads do not survive a fork

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        data, labels = zip(*images, strict=True)
        table = pa.table({"image": pa.array(data, pa.large_binary()), "label": pa.array(labels, pa.int64())})
        importlib.import_module("lance").write_dataset(table, str(made.folder / "lance"))

    @functools.cached_property
    def data(self) -> Any:
        return importlib.import_module("lance").dataset(str(self.made.folder / "lance"))

    def record_batches(self, first: int = 0, stop: int | None = None) -> Iterator[pa.RecordBatch]:
        count = (self.data.count_rows() if stop is None else stop) - first
        batches: Iterator[pa.RecordBatch] = self.data.scanner(offset=first, limit=count, batch_size=64).to_batches()
        return batches

    def rows(self, worker: int, workers: int) -> Rows:
        count = self.data.count_rows()
        return (
            row
            for batch in self.record_batches(count * worker // workers, count * (worker + 1) // workers)
            for row in rows_of(batch)
        )

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(self.data.count_rows())
        for start in range(0, len(order), 64):
            taken = self.data.take(order[start : start + 64].tolist())
            yield sum(1 for image in taken["image"].to_pylist() if image)


class LitData(Peer):
    modules = ("litdata",)

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        module = importlib.import_module("litdata")
        cache = module.streaming.Cache(str(made.folder / "litdata"), chunk_bytes="16MB")
        for i, (data, label) in enumerate(images):
            cache[i] = {"image": data, "label": label}
        cache.done()
        cache.merge()

    def rows(self, worker: int, workers: int) -> Rows:  # it finds out by itself which worker it is in
        return ((row["image"], row["label"]) for row in self.data)

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(len(self.data)).tolist()[:200]
        return (1 for i in order if self.data[i]["image"])

    def close(self) -> None:
        super().close()
        self.__dict__.pop("data", None)

    @functools.cached_property
    def data(self) -> Any:
        return importlib.import_module("litdata").StreamingDataset(str(self.made.folder / "litdata"), shuffle=False)


class Mosaic(Peer):
    modules = ("streaming",)

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        self.data: Any = None

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        columns = {"image": "bytes", "label": "int"}
        module = importlib.import_module("streaming")
        with module.MDSWriter(out=str(made.folder / "mds"), columns=columns, size_limit=1 << 24) as sink:
            for data, label in images:
                sink.write({"image": data, "label": label})

    def rows(self, worker: int, workers: int) -> Rows:  # it finds out by itself which worker it is in
        return ((row["image"], row["label"]) for row in self._open())

    def random(self) -> Iterator[int]:
        data = self._open()
        order = np.random.default_rng(0).permutation(len(data)).tolist()
        return (1 for i in order if data[int(i)]["image"])

    def close(self) -> None:
        super().close()
        self.data = None

    def _loader(self, size: tuple[int, int] | None, workers: int) -> Any:
        self._open()  # in this process, before workers are forked, and not yet iterated: its locks are not inherited
        return super()._loader(size, workers)

    def _open(self) -> Any:
        if self.data is None:
            module = importlib.import_module("streaming")
            module.base.util.clean_stale_shared_memory()  # else a second one over the same folder is refused
            self.data = module.StreamingDataset(local=str(self.made.folder / "mds"), shuffle=False, batch_size=64)
        return self.data


class OpenCV:
    """Mix-in for a peer: decode by OpenCV instead of Pillow.

    The files are the same. It stands before the peer among the bases of a class.
    """

    decode = staticmethod(opencv)
    tables = views = read = bytes = random = None  # not decoded: as the peer itself

    @classmethod
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        """Write nothing; raises ImportError without OpenCV."""
        importlib.import_module("cv2")


class PreparedOpenCV(OpenCV, Prepared): ...


class FolderOpenCV(OpenCV, Folder): ...


class WebDatasetOpenCV(OpenCV, WebDataset): ...


class MosaicOpenCV(OpenCV, Mosaic): ...


class LanceOpenCV(OpenCV, Lance): ...


PEERS: dict[str, type[Peer]] = {
    "datasets arrow, streaming": PackagedArrow,
    "datasets parquet, streaming": PackagedParquet,
    "datasets, from its cache": Prepared,
    "image folder": Folder,
    "WebDataset": WebDataset,
    "LitData": LitData,
    "MosaicML Streaming": Mosaic,
    "Lance": Lance,
    "datasets, from its cache, OpenCV": PreparedOpenCV,
    "image folder, OpenCV": FolderOpenCV,
    "WebDataset, OpenCV": WebDatasetOpenCV,
    "MosaicML Streaming, OpenCV": MosaicOpenCV,
    "Lance, OpenCV": LanceOpenCV,
}


def write_all(made: Made, images: list[tuple[bytes, int]]) -> dict[str, type[Peer]]:
    """Write the files of every peer that is installed.

    Names the others and leaves them out.
    """
    found = {}
    for name, peer in PEERS.items():
        try:
            peer.write(made, images)
            for module in peer.modules:
                importlib.import_module(module)
        except ImportError as error:
            print(f"{name}: left out ({error})")
            continue
        found[name] = peer
    return found
