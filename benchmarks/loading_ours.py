"""This project's ways to load a package, for ``benchmarks/loading.py``."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import datasets
import numpy as np
import torch

import cytoimagenet
from benchmarks.loading_peers import SIZE, Made

UNDECODED = datasets.Image(decode=False)


class Ours:
    """The package, read by ``open``, ``CytoImageNet`` and ``loader``; threads in the place of workers."""

    modules = ("numba",)

    def __init__(self, made: Made) -> None:
        self.package = made.package

    @functools.cached_property
    def stream(self) -> Any:
        builder = cytoimagenet.CytoImageNet(data_dir=self.package, columns=["image", "label"])
        return builder.as_streaming_dataset(split="train").cast_column("image", UNDECODED)

    @functools.cached_property
    def opened(self) -> Any:
        return cytoimagenet.open(self.package, columns=["image", "label"]).cast_column("image", UNDECODED)

    def bytes(self) -> Iterator[int]:
        return (1 for _ in self.stream)

    def random(self) -> Iterator[int]:
        order = np.random.default_rng(0).permutation(len(self.opened)).tolist()
        return (1 for i in order if self.opened[i]["image"])

    def decoded(self, workers: int) -> Iterator[int]:
        return self._load(workers, None)

    def batches(self, workers: int) -> Iterator[int]:
        return self._load(workers, SIZE)

    def close(self) -> None:
        """Nothing is kept."""

    def _load(self, workers: int, size: tuple[int, int] | None) -> Iterator[int]:
        loader = cytoimagenet.loader(self.package, size=size, threads=max(workers, 1), shuffle=False)
        return (len(labels) for _, labels in loader)


class ThroughDatasets:
    """A Dataset of ``datasets`` and PyTorch's own DataLoader: the README's recipe, pictures decoded by ``collate``."""

    modules = ("numba",)

    def __init__(self, made: Made) -> None:
        opened = cytoimagenet.open(made.package, columns=["image", "label"])
        self.data = opened.cast_column("image", UNDECODED)

    def batches(self, workers: int) -> Iterator[int]:
        def collate(rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
            return _decoded([row["image"] for row in rows], [row["label"] for row in rows], workers)

        loader = torch.utils.data.DataLoader(self.data, batch_size=64, collate_fn=collate)
        return (len(labels) for _, labels in loader)

    def close(self) -> None:
        """Nothing is kept."""


class ThroughStreaming(ThroughDatasets):
    """The same with what ``load_dataset(…, streaming=True)`` gives, without this project's reader."""

    def __init__(self, made: Made) -> None:
        data = datasets.load_dataset(str(made.package), split="train", streaming=True)
        self.data = data.select_columns(["image", "label"]).cast_column("image", UNDECODED).batch(64)

    def batches(self, workers: int) -> Iterator[int]:
        return (len(_decoded(rows["image"], rows["label"], workers)[1]) for rows in self.data)


def _decoded(images: list[dict[str, Any]], labels: list[int], workers: int) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = cytoimagenet.decode_batch([image["bytes"] for image in images], SIZE, threads=max(workers, 1))
    return torch.from_numpy(pixels)[:, None], torch.tensor(labels)


OURS: dict[str, Any] = {
    "cytoimagenet": Ours,
    "cytoimagenet.open, DataLoader": ThroughDatasets,
    "load_dataset + decode_batch": ThroughStreaming,
}
