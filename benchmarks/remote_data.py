"""Source images per second out of a remote DATA.

A loop that reads one file after another is timed beside.

A server on loopback waits before each answer, and all connections share one line. Files are made up: TIFF of 16 bits
with noise, 1080 x 1080 as a screen's are. ``files`` are fetched and no more, ``images`` are decoded too; ``loop`` is
fsspec's own ``cat_file``, file by file.

    python -m benchmarks.remote_data [--delay 50] [--mbit 1000] [--files 400] [--side 1080]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import tifffile

from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.fetch import Fetcher
from builder.stages.standardize.item import Item


def write(folder: Path, files: int, side: int) -> list[str]:
    rng = np.random.default_rng(0)
    content = io.BytesIO()
    tifffile.imwrite(content, rng.integers(100, 4000, (side, side), np.uint16))
    (folder / "s").mkdir()
    names = [f"s/{number:04d}.tif" for number in range(files)]
    for name in names:
        (folder / name).write_bytes(content.getvalue())
    return names


@contextlib.contextmanager
def served(folder: Path, delay: float, mbit: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.remote_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"  # type: ignore[union-attr]
            urllib.request.urlopen(f"{url}/control?delay={delay}&mbit={mbit}").read()
            yield url
        finally:
            server.terminate()


def loop(url: str, names: list[str]) -> int:
    system = fsspec.filesystem("http")
    return sum(len(system.cat_file(f"{url}/{name}")) for name in names)


def files(url: str, names: list[str]) -> int:
    with contextlib.closing(Fetcher(url, {}, 10**8)) as fetcher:
        return sum(len(fetcher.fetch(names, at)) for at in range(len(names)))


def images(url: str, names: list[str]) -> int:
    items = [Item(name, "s", (name.partition("/")[2],), (0,), None, 1, 0) for name in names]
    with ChannelReader(url, {}, 10**8) as reader:
        return sum(read.channels[0].nbytes for read in reader.read_all(items))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--delay", type=float, default=50, help="milliseconds before each answer")
    parser.add_argument("--mbit", type=float, default=1000, help="of the line; 0 is no limit")
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--side", type=int, default=1080)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        names = write(Path(scratch), options.files, options.side)
        size = (Path(scratch) / names[0]).stat().st_size
        print(f"{len(names)} files of {size:,} bytes, {options.delay:g} ms, {options.mbit:g} Mbit/s")
        if options.mbit:
            print(f"  line      {options.mbit * 125_000 / size:8.1f} images/s at most")
        with served(Path(scratch), options.delay, options.mbit) as url:
            for what, some in ((loop, names[: max(1, len(names) // 10)]), (files, names), (images, names)):
                began, used = time.perf_counter(), time.process_time()
                what(url, some)
                seconds, used = time.perf_counter() - began, time.process_time() - used
                each = 1000 * used / len(some)
                print(f"  {what.__name__:8s}  {len(some) / seconds:8.1f} images/s, {each:.1f} ms of processor each")


if __name__ == "__main__":
    main()
