"""What every peer of ``benchmarks/loading.py`` has.

Its files, its rows, and PyTorch's DataLoader around them.

Images are decoded by Pillow, the stock decoder of all peers, and resized by its antialiased bilinear; the peers named
"… OpenCV" are decoded by OpenCV and resized by its INTER_AREA, the nearest that it has. PyTorch's DataLoader makes the
batches; its workers stay from epoch to epoch, so that no epoch pays for their start.
"""

from __future__ import annotations

import abc
import functools
import importlib
import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import torch
from PIL import Image

import cytoimagenet

SIZE = (224, 224)
Rows = Iterator[tuple[bytes, int]]
Decoder = Callable[[bytes, "tuple[int, int] | None"], np.ndarray[Any, Any]]


class Made(NamedTuple):
    """Where the package and the peers' own files lie."""

    package: Path
    folder: Path

    @property
    def shards(self) -> list[str]:
        """The training shards."""
        return sorted(map(str, (self.package / "data").rglob("train*.arrow")))

    def features(self) -> datasets.Features:
        """Return the package's features, with images as bytes."""
        features = cytoimagenet.open(self.package).features
        return datasets.Features({**features, "image": datasets.Image(decode=False)})


def pillow(data: bytes, size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    image = Image.open(io.BytesIO(data))
    return np.array(image if size is None else image.resize(size, Image.Resampling.BILINEAR))


def opencv(data: bytes, size: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    cv2 = importlib.import_module("cv2")
    cv2.setNumThreads(1)  # workers are the only processes that share the cores
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    found: np.ndarray[Any, Any] = pixels if size is None else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return found


def look_at(data: bytes | memoryview) -> int:
    """Return 1, having read every byte of an image."""
    return int(np.frombuffer(data, np.uint8).max() > 0)


class Decoding(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    """(bytes, label) of a peer as (pixels, label)."""

    def __init__(self, rows: Callable[[int, int], Rows], size: tuple[int, int] | None, decode: Decoder) -> None:
        self.rows, self.size, self.decode = rows, size, decode

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        worker = torch.utils.data.get_worker_info()
        for data, label in self.rows(worker.id, worker.num_workers) if worker else self.rows(0, 1):
            yield torch.from_numpy(self.decode(data, self.size)), label


class Peer(abc.ABC):
    """Another way to keep and load images."""

    modules: tuple[str, ...] = ()
    decode: Decoder = staticmethod(pillow)
    context: str | None = None  # how workers start; None: PyTorch's default

    def __init__(self, made: Made) -> None:
        self.made = made
        self.loader = functools.cache(self._loader)

    def __getstate__(self) -> dict[str, Any]:  # workers that are spawned get no DataLoader
        return {"made": self.made}

    @classmethod  # noqa: B027 -- those that read the package write nothing
    def write(cls, made: Made, images: list[tuple[bytes, int]]) -> None:
        """Write the files."""

    @abc.abstractmethod
    def rows(self, worker: int, workers: int) -> Rows:
        """Yield (bytes, label) of one of so many workers."""

    def bytes(self) -> Iterator[int]:
        return (1 for _ in self.rows(0, 1))

    def read(self) -> Iterator[int]:
        return (look_at(data) for data, _ in self.rows(0, 1))

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


class Viewed(abc.ABC):
    """What hands out images as views: alone, read once, copied."""

    @abc.abstractmethod
    def _views(self) -> Iterator[tuple[memoryview, int]]:
        """Yield (view, label) of all rows."""

    def views(self) -> Iterator[int]:
        return (1 for _ in self._views())

    def read(self) -> Iterator[int]:
        return (look_at(data) for data, _ in self._views())

    def bytes(self) -> Iterator[int]:
        return (1 for _ in ((bytes(data), label) for data, label in self._views()))


class ArrowPeer(Viewed, Peer):
    """A peer that hands out record batches."""

    @abc.abstractmethod
    def record_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows as record batches.

        Their columns are ``image``, of bytes or of structs with ``bytes``, and ``label``.
        """

    def tables(self) -> Iterator[int]:
        return map(len, self.record_batches())

    def _views(self) -> Iterator[tuple[memoryview, int]]:
        for batch in self.record_batches():
            yield from zip(_views_of(_images(batch)), batch["label"].to_pylist(), strict=True)


def rows_of(batch: pa.RecordBatch) -> Rows:
    """Return the rows of a record batch."""
    return zip(_images(batch).to_pylist(), batch["label"].to_pylist(), strict=True)


def _images(batch: pa.RecordBatch) -> pa.Array:
    images = batch["image"]
    return images.field("bytes") if pa.types.is_struct(images.type) else images


def _views_of(images: pa.Array) -> Iterator[memoryview]:
    """Yield views of binary values, without a copy."""
    _, places, content = images.buffers()
    kind = np.int64 if pa.types.is_large_binary(images.type) else np.int32
    bounds = np.frombuffer(places, kind)[images.offset : images.offset + len(images) + 1].tolist()
    view = memoryview(content)
    return (view[start:stop] for start, stop in itertools.pairwise(bounds))
