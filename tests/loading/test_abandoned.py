"""Iterators that are not read to their end.

They are freed at once, or by the garbage collector, which must not wait.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cytoimagenet
from tests.loading.server import Faults, serving


def of_loader(place: Any) -> Iterator[Any]:
    pytest.importorskip("torch")
    loader = cytoimagenet.loader(place, batch_size=8, size=8, buffer=20, threads=2)
    return iter(loader)


def of_stream(place: Any) -> Iterator[Any]:
    builder = cytoimagenet.CytoImageNet(data_dir=place, columns=["image", "label"])
    return iter(builder.as_streaming_dataset(split="train"))


def own_threads() -> list[str]:
    names = ("decode", "read", "row group", "sha256", "shard")
    return [thread.name for thread in threading.enumerate() if thread.name.rpartition("_")[0] in names]


@pytest.fixture(params=["arrow", "parquet", "remote"])
def place(request: pytest.FixtureRequest, package: Path, parquet_package: Path) -> Iterator[Any]:
    if request.param == "remote":
        pytest.importorskip("aiohttp")
        with serving(package, Faults()) as url:
            yield url
    else:
        yield package if request.param == "arrow" else parquet_package


@pytest.mark.parametrize("begin", [of_loader, of_stream])
def test_the_garbage_collector_waits_for_no_thread(
    place: Any, begin: Callable[[Any], Iterator[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may run inside ``threading`` itself, where waiting would deadlock."""
    iterator = begin(place)
    next(iterator)
    cycle: list[Any] = [iterator]
    cycle.append(cycle)
    waited: list[str] = []
    monkeypatch.setattr(threading.Thread, "join", lambda thread, timeout=None: waited.append(thread.name))
    del cycle, iterator
    gc.collect()
    monkeypatch.undo()
    assert waited == []
    end = time.monotonic() + 20
    while left := own_threads():
        assert time.monotonic() < end, left
        time.sleep(0.01)


def test_an_iterator_of_the_loader_needs_no_garbage_collector(package: Path) -> None:
    pytest.importorskip("torch")
    loader = cytoimagenet.loader(package, batch_size=8, size=8, buffer=20, threads=2)
    gc.disable()
    try:
        begun = [iter(loader) for _ in range(3)]
        for iterator in begun:
            next(iterator)
        dead = [weakref.ref(iterator) for iterator in begun] + [weakref.ref(loader)]
        del iterator, begun, loader
        assert [one() for one in dead] == [None] * 4
    finally:
        gc.enable()
