"""A loader's batches and training steps on a GPU.

For ``benchmarks/gpu.py``.
"""

from __future__ import annotations

import itertools
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

import cytoimagenet
from benchmarks.loading import make
from examples.pretrain import as_input, network

Batch = tuple[Any, Any]
WARM_UP = 3  # steps, in which memory is taken and kernels are chosen


def resnet50(classes: int) -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification

    return ResNetForImageClassification(ResNetConfig(id2label=dict(enumerate(map(str, range(classes))))))


MODELS: dict[str, Callable[[int], Any]] = {"efficientnet_b0": network, "resnet50": resnet50}


def batches(loader: cytoimagenet.Loader, device: torch.device) -> Iterator[Batch]:
    """Yield the loader's batches on the device, epoch after epoch."""
    for _ in itertools.count():
        for images, labels in loader:
            if device.type == "cuda":
                images, labels = images.pin_memory(), labels.pin_memory()
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


def training_step(model: Any, device: torch.device) -> Callable[[Batch], None]:
    """Return a function that trains the model on a batch."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01)

    def step(batch: Batch) -> None:
        images, labels = batch
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):  # slow on most CPUs
            loss = functional.cross_entropy(model(as_input(images)).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def rate(source: Iterator[Batch], step: Callable[[Batch], Any], seconds: float, device: torch.device) -> float:
    """Return images per second after a warm-up.

    Measured over about ``seconds`` seconds.
    """
    for batch in itertools.islice(source, WARM_UP if device.type == "cuda" else 1):
        step(batch)
    wait(device)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        batch = next(source)
        step(batch)
        count += len(batch[1])
    wait(device)
    return count / (time.perf_counter() - start)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


class Utilization:
    """Mean GPU utilisation as the driver reports it, in percent.

    None where it reports none.
    """

    def __init__(self, device: torch.device) -> None:
        self._found: list[int] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch) if device.type == "cuda" else None

    def __enter__(self) -> Utilization:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        try:
            while not self._done.wait(0.2):
                self._found.append(torch.cuda.utilization())
        except (ModuleNotFoundError, RuntimeError) as error:  # nvidia-ml-py is not installed, or there is no driver
            print(f"  no utilisation: {error}")

    @property
    def percent(self) -> float | None:
        return sum(self._found) / len(self._found) if self._found else None


def measure(name: str, loader: cytoimagenet.Loader, device: torch.device, seconds: float) -> None:
    """Print the three rates of a model."""
    model = MODELS[name](len(loader.classes)).to(device, memory_format=torch.channels_last).train()
    step = training_step(model, device)
    alone = rate(batches(loader, device), lambda batch: None, seconds, device)
    at_most = rate(itertools.repeat(next(batches(loader, device))), step, seconds, device)
    with Utilization(device) as used:
        fed = rate(batches(loader, device), step, seconds, device)
    stated = "" if used.percent is None else f", the driver says {used.percent:.0f} %"
    print(f"{name:16s} loader {alone:8,.1f}   step {at_most:8,.1f}   training {fed:8,.1f} images/s", end="   ")
    print(f"training / step {fed / at_most:.2f}{stated}", flush=True)


def run(
    package: str | None, folder: Path, models: list[str], size: int | None, threads: int, seconds: float | None
) -> None:
    """Print the rates of some models.

    Without a package, one is made in ``folder``.
    """
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    torch.backends.cudnn.benchmark = True
    if not gpu:
        print("There is no GPU: these are rates of this CPU, which say nothing about waiting for the loader.")
    on = torch.cuda.get_device_name() if gpu else platform.processor() or platform.machine()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    print(f"{on}; {os.cpu_count()} cores, {threads} threads; {versions}")
    place = package or make(folder / "package", 20_000 if gpu else 400, 300)
    loader = cytoimagenet.loader(
        place, batch_size=size or (256 if gpu else 4), size=224 if gpu else 64, threads=threads, drop_last=True
    )
    for name in models:
        measure(name, loader, device, seconds or (20.0 if gpu else 2.0))
