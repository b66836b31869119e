"""Other ways to keep and load images, for ``benchmarks/loading.py``: each writes its own files and reads them.

Images are decoded by Pillow, the stock decoder of all of them, and resized by its antialiased bilinear; the peers named
"… OpenCV" are decoded by OpenCV and resized by its INTER_AREA, the nearest that it has. PyTorch's DataLoader makes the
batches; its workers stay from epoch to epoch, so that no epoch pays for their start.
"""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

import cytoimagenet

SIZE = (224, 224)
Rows = Iterator[tuple[bytes, int]]


class Made(NamedTuple):
    """Where the package lies, and where each peer keeps its own files."""

    package: Path
    folder: Path

    @property
    def shards(self) -> list[str]:
        """The training shards."""
        return sorted(map(str, (self.package / "data").rglob("train*.arrow")))

    def features(self) -> datasets.Features:
        """Return the package's features, with pictures as bytes."""
        features = cytoimagenet.open(self.package).features
        return datasets.Features({**features, "image": datasets.Image(decode=False)})


Decoder = Callable[[bytes, "tuple[int, int] | None"], np.ndarray[Any, Any]]


def pillow(data: bytes, size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    image = Image.open(io.BytesIO(data))
    return np.array(image if size is None else image.resize(size, Image.Resampling.BILINEAR))


def opencv(data: bytes, size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    cv2 = importlib.import_module("cv2")
    cv2.setNumThreads(1)  # workers are the only processes that share the cores
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    found: np.ndarray[Any, Any] = pixels if size is None else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return found


class Decoding(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    """(bytes, label) of a peer as (pixels, label)."""

    def __init__(self, rows: Callable[[int, int], Rows], size: tuple[int, int] | None, decode: Decoder) -> None:
        self.rows, self.size, self.decode = rows, size, decode

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        worker = torch.utils.data.get_worker_info()
        for data, label in self.rows(worker.id, worker.num_workers) if worker else self.rows(0, 1):
            yield torch.from_numpy(self.decode(data, self.size)), label


class Peer:
    """Another way: ``rows`` gives the (bytes, label) of one of so many workers."""

    modules: tuple[str, ...] = ()
    decode: Decoder = staticmethod(pillow)
    context: str | None = None  # how workers start; None: PyTorch's default

    def __init__(self, made: Made) -> None:
        self.made = made
        self.loader = functools.cache(self._loader)

    def __getstate__(self) -> dict[str, Any]:  # workers that are spawned get no DataLoader
        return {"made": self.made}

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        """Write the files."""

    def rows(self, worker: int, workers: int) -> Rows:
        raise NotImplementedError

    def bytes(self) -> Iterator[int]:
        return (1 for _ in self.rows(0, 1))

    def decoded(self, workers: int) -> Iterator[int]:
        return (len(labels) for _, labels in self.loader(None, workers))

    def batches(self, workers: int) -> Iterator[int]:
        return (len(labels) for _, labels in self.loader(SIZE, workers))

    def close(self) -> None:
        """End the workers."""
        self.loader.cache_clear()

    def _loader(self, size: tuple[int, int] | None, workers: int) -> Any:
        data = Decoding(self.rows, size, self.decode)
        context = self.context if workers else None
        return torch.utils.data.DataLoader(
            data, 64, num_workers=workers, persistent_workers=workers > 0, multiprocessing_context=context
        )


class PackagedArrow(Peer):
    """``datasets`` streaming the package's shards by its own reader."""

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        self.stream = self.load("arrow", made.shards)

    def load(self, kind: str, files: list[str]) -> Any:
        features = self.made.features()
        return datasets.load_dataset(kind, data_files=files, split="train", streaming=True, features=features)

    def rows(self, worker: int, workers: int) -> Rows:  # the shards are shared among workers by datasets
        return ((row["image"]["bytes"], row["label"]) for row in self.stream)


class PackagedParquet(PackagedArrow):
    def __init__(self, made: Made) -> None:
        Peer.__init__(self, made)
        self.stream = self.load("parquet", sorted(map(str, made.folder.glob("*.parquet"))))

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        for number, file in enumerate(made.shards):
            table = pa.ipc.open_stream(Path(file).read_bytes()).read_all()
            pq.write_table(table, made.folder / f"{number:03d}.parquet", row_group_size=100)


class Prepared(Peer):
    """``datasets`` from its cache, with random access."""

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        cache = str(made.folder / "cache")
        features = made.features()
        data = datasets.load_dataset("arrow", data_files=made.shards, split="train", features=features, cache_dir=cache)
        self.data = data.select_columns(["image", "label"])

    def rows(self, worker: int, workers: int) -> Rows:
        return ((row["image"]["bytes"], row["label"]) for row in self.data.shard(workers, worker, contiguous=True))

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(len(self.data)).tolist()
        return (1 for i in order if self.data[i]["image"])


class Folder(Peer):
    """One file per picture, in one folder per class, as torchvision's ImageFolder reads them."""

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        self.files = [(path, int(path.parent.name)) for path in sorted((made.folder / "images").rglob("*.png"))]

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        for i, (data, label) in enumerate(pictures):
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
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        module = importlib.import_module("webdataset")
        for shard in range(4):
            with module.TarWriter(str(made.folder / f"{shard}.tar")) as sink:
                for i, (data, label) in enumerate(pictures[shard::4]):
                    sink.write({"__key__": f"{shard}-{i:06d}", "png": data, "cls": label})

    def rows(self, worker: int, workers: int) -> Rows:
        module = importlib.import_module("webdataset")
        urls = sorted(map(str, self.made.folder.glob("*.tar")))
        data = module.WebDataset(urls, shardshuffle=False, workersplitter=module.split_by_worker)
        return ((row["png"], int(row["cls"])) for row in data)


class Lance(Peer):
    """Lance, from its own files.

    A worker takes a run of rows, random access a batch of 64 rows at a time.
    """

    modules = ("lance",)
    context = "spawn"  # its threads do not survive a fork

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        images, labels = zip(*pictures, strict=True)
        table = pa.table({"image": pa.array(images, pa.large_binary()), "label": pa.array(labels, pa.int64())})
        importlib.import_module("lance").write_dataset(table, str(made.folder / "lance"))

    def rows(self, worker: int, workers: int) -> Rows:
        data = self._data()
        count = data.count_rows()
        first, end = (count * number // workers for number in (worker, worker + 1))
        for batch in data.scanner(offset=first, limit=end - first, batch_size=64).to_batches():
            yield from zip(batch["image"].to_pylist(), batch["label"].to_pylist(), strict=True)

    def random(self) -> Iterator[int]:
        data = self._data()
        order = np.random.default_rng(0).permutation(data.count_rows())
        for start in range(0, len(order), 64):
            taken = data.take(order[start : start + 64].tolist())
            yield sum(1 for image in taken["image"].to_pylist() if image)

    def _data(self) -> Any:
        return importlib.import_module("lance").dataset(str(self.made.folder / "lance"))


class LitData(Peer):
    modules = ("litdata",)

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        module = importlib.import_module("litdata")
        cache = module.streaming.Cache(str(made.folder / "litdata"), chunk_bytes="16MB")
        for i, (data, label) in enumerate(pictures):
            cache[i] = {"image": data, "label": label}
        cache.done()
        cache.merge()

    def rows(self, worker: int, workers: int) -> Rows:  # it finds out by itself which worker it is in
        return ((row["image"], row["label"]) for row in self._data())

    def random(self) -> Iterator[int]:
        data = self._data()
        order = np.random.default_rng(0).permutation(len(data)).tolist()[:200]
        return (1 for i in order if data[i]["image"])

    def _data(self) -> Any:
        return importlib.import_module("litdata").StreamingDataset(str(self.made.folder / "litdata"), shuffle=False)


class Mosaic(Peer):
    modules = ("streaming",)

    def __init__(self, made: Made) -> None:
        super().__init__(made)
        self.data: Any = None

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
        columns = {"image": "bytes", "label": "int"}
        module = importlib.import_module("streaming")
        with module.MDSWriter(out=str(made.folder / "mds"), columns=columns, size_limit=1 << 24) as sink:
            for data, label in pictures:
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
    """Before a peer in a class: decoded by OpenCV in the place of Pillow, from the same files."""

    decode = staticmethod(opencv)
    bytes = random = None  # not decoded: as the peer itself

    @classmethod
    def write(cls, made: Made, pictures: list[tuple[bytes, int]]) -> None:
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


def write_all(made: Made, pictures: list[tuple[bytes, int]]) -> dict[str, type[Peer]]:
    """Write the files of every peer that is installed; name and leave out the others."""
    found = {}
    for name, peer in PEERS.items():
        try:
            peer.write(made, pictures)
            for module in peer.modules:
                importlib.import_module(module)
        except ImportError as error:
            print(f"{name}: left out ({error})")
            continue
        found[name] = peer
    return found
