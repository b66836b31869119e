"""Ways to read a package over HTTP, for ``benchmarks/remote.py``.

Each gives how many examples came.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import os
import queue
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import datasets

from benchmarks.remote_peers import Counts, read_lance, read_mds, read_webdataset


def ranges(url: str) -> Counts:
    """The upper bound: 16 connections fetch blocks of 2 MB.

    Whatever is in them.
    """
    parts = urllib.parse.urlsplit(url)
    manifest = json.loads(_get(http.client.HTTPConnection(parts.netloc), f"{parts.path}/manifest.json"))
    files = {p: f for p, f in manifest["files"].items() if p.startswith("data/") and f["split"] == "train"}
    todo: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
    for path, facts in files.items():
        for low in range(0, facts["bytes"], 2 << 20):
            todo.put((path, low, min(low + (2 << 20), facts["bytes"])))
    done: queue.SimpleQueue[float] = queue.SimpleQueue()

    def work() -> None:
        connection = http.client.HTTPConnection(parts.netloc)
        while True:
            try:
                path, low, high = todo.get_nowait()
            except queue.Empty:
                return
            _get(connection, f"{parts.path}/{path}", {"Range": f"bytes={low}-{high - 1}"})
            done.put((high - low) * files[path]["rows"] / files[path]["bytes"])

    blocks = todo.qsize()
    for _ in range(16):
        threading.Thread(target=work, daemon=True).start()
    rows = 0.0
    for _ in range(blocks):
        before, rows = rows, rows + done.get()
        yield round(rows) - round(before)


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str] | None = None) -> bytes:
    connection.request("GET", path, headers=headers or {})
    return connection.getresponse().read()


def ours(url: str) -> Counts:
    """``CytoImageNet``, examples not decoded."""
    cytoimagenet = importlib.import_module("cytoimagenet")
    builder = cytoimagenet.CytoImageNet(data_dir=url, cache_dir=os.environ["CACHE"], columns=["image", "label"])
    stream = builder.as_streaming_dataset(split="train").cast_column("image", datasets.Image(decode=False))
    yield from (1 for _ in stream)


def _datasets(url: str, kind: str, **options: Any) -> Counts:
    package = Path(os.environ["PACKAGE"])
    found = sorted(path.relative_to(package).as_posix() for path in (package / "data").rglob("train*"))
    files = [f"{url}/{path}" for path in found]
    stream = datasets.load_dataset(kind, data_files={"train": files}, split="train", streaming=True, **options)
    stream = stream.cast_column("image", datasets.Image(decode=False))
    yield from (1 for _ in stream)


def plain_arrow(url: str) -> Counts:
    """``datasets`` reading the Arrow shards."""
    yield from _datasets(url, "arrow")


def plain_parquet(url: str) -> Counts:
    """``datasets`` reading the Parquet shards."""
    yield from _datasets(url, "parquet")


class Reader(NamedTuple):
    """What reads, its package's format, and the module needed."""

    read: Callable[[str], Counts]
    place: str
    module: str | None = None


READERS = {
    "range requests": Reader(ranges, "arrow"),
    "cytoimagenet": Reader(ours, "arrow"),
    "cytoimagenet Parquet": Reader(ours, "parquet"),
    "datasets Arrow": Reader(plain_arrow, "arrow"),
    "datasets Parquet": Reader(plain_parquet, "parquet"),
    "WebDataset": Reader(read_webdataset, "tar", "webdataset"),
    "Lance": Reader(read_lance, "lance", "lance"),
    "MDS": Reader(read_mds, "mds", "streaming"),
}


def run(name: str, url: str, first: int) -> dict[str, Any]:
    """Return the examples, and the seconds they took.

    The seconds until the first ones had come, and until all had.
    """
    datasets.disable_progress_bars()
    own = READERS[name].module
    for library in (
        "cytoimagenet",
        "aiohttp",
        "torch",
        *([own] if own else []),
    ):  # datasets imports torch when first used
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(library)
    begun, rows, start = time.perf_counter(), 0, 0.0
    for count in READERS[name].read(url):
        rows += count
        if rows >= first and not start:
            start = time.perf_counter() - begun
    return {"rows": rows, "first": start, "seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    import sys

    print(json.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))), flush=True)
    os._exit(0)  # pyarrow's threads may outlive the interpreter
