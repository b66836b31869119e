"""How fast a package gives examples over a network.

It is compared with other ways to read one.

    python -m benchmarks.remote [--examples 5000] [--delays 0,20,50,100] [--mbit 1000] [--each 0] [--only NAMES]

A server in a process of its own gives all connections together ``--mbit``, and each at most ``--each``; every request
is answered after the delay. Each reader reads one whole epoch in a fresh process that has imported its libraries. A
line gives rows per second, as a share of the line's, the seconds to the first 64 rows, the share of the line after
them (a short epoch at a high latency is mostly start), and bytes sent per byte needed.
Peers that are not installed are named. Lance and MDS read by S3's requests, to the same server.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.remote_peers import write_lance, write_mds, write_webdataset
from benchmarks.remote_readers import READERS
from cytoimagenet_reader.png.encoder import encode
from tests.loading.made_package import make_package

FIRST = 64
SIDE = 255  # of noise, whose PNG has about 52 kB at 6.4 bits a pixel
PEERS: dict[str, Callable[[Path, Sequence[bytes]], None]] = {
    "tar": write_webdataset,
    "lance": write_lance,
    "mds": write_mds,
}


def noise(count: int) -> list[bytes]:
    """Return PNGs of about 52 kB, no two alike."""
    rng = np.random.default_rng(0)
    return [encode(rng.normal(128, 20, (SIDE, SIDE)).astype(np.uint8)) for _ in range(count)]


def write_all(folder: Path, examples: int, peers: Sequence[str] = ("tar",)) -> dict[str, Path]:
    """Write packages of two categories, in every format.

    Four shards of a category, and four of another with a quarter of the rows. The formats of ``peers`` get values of
    the same sizes.
    """
    pool = noise(60)
    places = {}
    for file_format in ("arrow", "parquet"):
        turns = iter(range(1 << 30))
        places[file_format] = make_package(
            folder / file_format,
            classes={"organism": ("a",), "compound": tuple("bcde")},
            per_class={"train": examples // 5, "validation": 1},
            shards={"train": 4, "validation": 1},
            batch_rows=100,
            side=4,
            encode=lambda _, turns=turns: pool[next(turns) % len(pool)],
            file_format=file_format,
        )
    rng = np.random.default_rng(0)
    images = [rng.bytes(len(pool[number % len(pool)])) for number in range(examples)] if peers else []
    for name in peers:  # bytes as random as those of a PNG: Lance would compress copies
        places[name] = folder / name
        PEERS[name](places[name], images)
    return places


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder by another process; give its address."""
    command = [sys.executable, "-m", "benchmarks.remote_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def control(url: str, **limits: float) -> list[tuple[str, int]]:
    """Set the server's limits; return what it sent before.

    Path and bytes of each answer.
    """
    with urllib.request.urlopen(f"{url}/control?{urllib.parse.urlencode(limits)}") as answer:
        found: list[tuple[str, int]] = json.load(answer)
    return found


def measure(name: str, url: str, place: Path, cache: Path) -> dict[str, Any]:
    """Return a reader's report of its epoch, and bytes sent.

    The bytes are those that the server sent.
    """
    control(url)
    command = [sys.executable, "-m", "benchmarks.remote_readers", name, f"{url}/{place.name}", str(FIRST)]
    environment = {**os.environ, "PACKAGE": str(place), "CACHE": str(cache), "HF_HOME": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    files = {f"/{path.relative_to(place.parent).as_posix()}" for path in needed_files(place)}
    return {**found, "sent": sum(sent for path, sent in control(url) if path in files)}


def needed(place: Path) -> int:
    """Return the bytes of the training shards."""
    return sum(path.stat().st_size for path in needed_files(place))


def needed_files(place: Path) -> list[Path]:
    """Return the training shards."""
    patterns = ("data/**/train*", "train*.tar", "rows.lance/data/*.lance", "*.mds")
    return [path for pattern in patterns for path in place.rglob(pattern) if path.is_file()]


def show(name: str, found: dict[str, Any], place: Path, mbit: float) -> None:
    if "failed" in found:
        print(f"  {name:24s} failed: {found['failed']}", flush=True)
        return
    size = needed(place)
    rate, line = found["rows"] / found["seconds"], mbit * 125_000 / (size / found["rows"])
    share, read = rate / line, found["sent"] / size
    later = (found["rows"] - FIRST) / (found["seconds"] - found["first"]) / line
    print(f"  {name:24s} {rate:8,.0f}/s {share:6.2f} of the line   first {FIRST}: {found['first']:5.2f} s", end="")
    print(f"   then {later:.2f}   read / needed: {read:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--delays", default="0,20,50,100", help="milliseconds before each answer")
    parser.add_argument("--mbit", type=float, default=1000, help="of all connections together")
    parser.add_argument("--each", type=float, default=0, help="Mbit/s of one connection; 0: no limit of its own")
    parser.add_argument("--failing", type=float, default=0, help="share of the requests that fail")
    parser.add_argument("--only", default=",".join(READERS))
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    for name in list(names):
        module = READERS[name].module
        if module and importlib.util.find_spec(module) is None:
            print(f"{name} is not installed")
            names.remove(name)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        peers = {READERS[name].place for name in names} & {*PEERS}
        places = write_all(folder / "served", arguments.examples, sorted(peers))
        with serving(folder / "served") as url:
            for delay in map(float, arguments.delays.split(",")):
                control(url, mbit=arguments.mbit, each=arguments.each, delay=delay, failing=arguments.failing)
                print(f"\n{arguments.mbit:.0f} Mbit/s, {delay:.0f} ms before each answer")
                for name in names:
                    place = places[READERS[name].place]
                    show(name, measure(name, url, place, folder / "cache"), place, arguments.mbit)


if __name__ == "__main__":
    main()
