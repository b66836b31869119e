"""This project's ways to load a package, for ``benchmarks/loading.py``."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import datasets
import numpy as np
import torch

import cytoimagenet
from benchmarks.loading_shared import SIZE, Made, Viewed, look_at

UNDECODED = datasets.Image(decode=False)


class Ours(Viewed):
    """The package, read by ``open`` and ``loader``.

    Threads take the place of workers.
    """

    modules = ("numba",)

    def __init__(self, made: Made) -> None:
        self.package = made.package

    @functools.cached_property
    def opened(self) -> Any:
        return cytoimagenet.open(self.package, columns=["image", "label"]).cast_column("image", UNDECODED)

    def tables(self) -> Iterator[int]:
        return map(len, self.opened.with_format("arrow").iter(100))

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(len(self.opened)).tolist()
        return (1 for i in order if self.opened[i]["image"])

    def decoded(self, workers: int) -> Iterator[int]:
        return self._load(workers, None)

    def batches(self, workers: int) -> Iterator[int]:
        return self._load(workers, SIZE)

    def close(self) -> None:
        """Nothing is kept."""

    def _views(self) -> Iterator[tuple[memoryview, int]]:
        for table in self.opened.with_format("arrow").iter(100):
            yield from zip(cytoimagenet.image_views(table), table["label"].to_pylist(), strict=True)

    def _load(self, workers: int, size: tuple[int, int] | None) -> Iterator[int]:
        loader = cytoimagenet.loader(self.package, size=size, threads=max(workers, 1), shuffle=False)
        return (len(labels) for _, labels in loader)


class Undecoded(Viewed):
    """The package by ``loader(decode=False)``."""

    modules: tuple[str, ...] = ()

    def __init__(self, made: Made) -> None:
        self.loader = cytoimagenet.loader(made.package, shuffle=False, decode=False)

    def close(self) -> None:
        """Nothing is kept."""

    def _views(self) -> Iterator[tuple[memoryview, int]]:
        return (row for images, labels in self.loader for row in zip(images, labels.tolist(), strict=True))


class Streamed:
    """The package as a stream of ``datasets``, by ``CytoImageNet``."""

    modules: tuple[str, ...] = ()

    def __init__(self, made: Made) -> None:
        builder = cytoimagenet.CytoImageNet(data_dir=made.package, columns=["image", "label"])
        self.stream = builder.as_streaming_dataset(split="train").cast_column("image", UNDECODED)

    def tables(self) -> Iterator[int]:
        return map(len, self.stream.with_format("arrow").iter(100))

    def read(self) -> Iterator[int]:
        return (look_at(row["image"]["bytes"]) for row in self.stream)

    def bytes(self) -> Iterator[int]:
        return (1 for _ in self.stream)

    def close(self) -> None:
        """Nothing is kept."""


class ThroughDatasets:
    """``open`` and ``decode_batch``.

    Batches come from PyTorch's own DataLoader, decoded by ``collate`` as in the README.
    """

    modules = ("numba",)

    def __init__(self, made: Made) -> None:
        opened = cytoimagenet.open(made.package, columns=["image", "label"])
        self.data = opened.cast_column("image", UNDECODED)

    def decoded(self, workers: int) -> Iterator[int]:
        for start in range(0, len(self.data), 64):
            images = [image["bytes"] for image in self.data[start : start + 64]["image"]]
            yield len(cytoimagenet.decode_batch(images, threads=max(workers, 1)))

    def batches(self, workers: int) -> Iterator[int]:
        def collate(rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
            return _decoded([row["image"] for row in rows], [row["label"] for row in rows], workers)

        loader = torch.utils.data.DataLoader(self.data, batch_size=64, collate_fn=collate)
        return (len(labels) for _, labels in loader)

    def close(self) -> None:
        """Nothing is kept."""


class ThroughStreaming:
    """``decode_batch`` of what ``load_dataset(…, streaming=True)`` gives, without this project's reader."""

    modules = ("numba",)

    def __init__(self, made: Made) -> None:
        data = datasets.load_dataset(str(made.package), split="train", streaming=True)
        self.data = data.select_columns(["image", "label"]).cast_column("image", UNDECODED).batch(64)

    def close(self) -> None:
        """Nothing is kept."""

    def batches(self, workers: int) -> Iterator[int]:
        return (len(_decoded(rows["image"], rows["label"], workers)[1]) for rows in self.data)


def _decoded(images: list[dict[str, Any]], labels: list[int], workers: int) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = cytoimagenet.decode_batch([image["bytes"] for image in images], SIZE, threads=max(workers, 1))
    return torch.from_numpy(pixels)[:, None], torch.tensor(labels)


OURS: dict[str, Any] = {
    "cytoimagenet": Ours,
    "cytoimagenet.loader, undecoded": Undecoded,
    "CytoImageNet, streaming": Streamed,
    "open + decode_batch": ThroughDatasets,
    "load_dataset + decode_batch": ThroughStreaming,
}
