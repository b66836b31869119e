"""How fast the published release becomes a package.

    python -m benchmarks.convert [--examples 10000] [--workers 2]

A release is made up in its layout (metadata.csv, class folders, PNGs by Pillow of about 42 kB, as the real ones are on
average) and converted by the command in a process of its own, its start included; then again, when all is done. In the
same run, what no conversion can do without: reading every file and writing its bytes to one other (one process, the
page cache warm for both).
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.release.made_release import CLASSES, rows_of, write_table


def field(rng: np.random.Generator, side: int) -> np.ndarray[Any, Any]:
    """Return blurred spots on a background, in float64."""
    y, x = np.mgrid[:side, :side]
    light = np.full((side, side), 20.0)
    for cy, cx, radius, level in rng.uniform([0, 0, 6, 40], [side, side, 20, 200], (25, 4)):
        light += level * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
    return light


def pngs(count: int, side: int) -> Iterator[bytes]:
    """Yield seeded PNGs of noisy fields, written by Pillow.

    They show fifty fields with camera noise; no two are the same.
    """
    rng = np.random.default_rng(0)
    fields = [field(rng, side) for _ in range(50)]
    for number in range(count):
        noisy = fields[number % len(fields)] + 3 * rng.standard_normal((side, side), np.float32)
        out = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(out, "PNG")
        yield out.getvalue()


def make_release(root: Path, count: int, side: int) -> list[Path]:
    """Write ``count`` examples in four classes; return their files."""
    rows: list[dict[str, Any]] = []
    for folder in CLASSES:
        rows += rows_of(folder, count // len(CLASSES))
    write_table(root / "metadata.csv", rows)
    files = []
    for row, data in zip(rows, pngs(len(rows), side), strict=True):
        path = root / row["path"].strip("/").rpartition("/")[2] / row["filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files.append(path)
    return files


def copied(files: list[Path], to: Path) -> float:
    """Time reading all files and writing them to one."""
    began = time.perf_counter()
    with to.open("wb") as out:
        for file in files:
            out.write(file.read_bytes())
    return time.perf_counter() - began


def converted(release: Path, package: Path, workers: int) -> float:
    """Return the seconds that the command takes, with its start."""
    command = [sys.executable, "-m", "builder", "-q", "convert", str(release), "-o", str(package)]
    began = time.perf_counter()
    subprocess.run([*command, "--workers", str(workers)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=278, help="pixels of an example's side; 278 gives about 42 kB")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        files = make_release(Path(scratch) / "release", options.examples, options.side)
        size = sum(file.stat().st_size for file in files)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {len(files):,}", end=" "
        )
        print(f"examples of {size / len(files) / 1e3:.1f} kB, {options.workers} workers", flush=True)
        took: dict[str, list[float]] = {"copy": [], "convert": [], "convert again, nothing to do": []}
        for turn in range(options.rounds):
            package = Path(scratch) / f"{turn}"
            took["copy"].append(copied(files, Path(scratch) / "copy"))
            took["convert"].append(converted(Path(scratch) / "release", package, options.workers))
            took["convert again, nothing to do"].append(converted(Path(scratch) / "release", package, options.workers))
    for what, seconds in took.items():
        median = statistics.median(seconds)
        ratio = median / statistics.median(took["copy"])
        print(
            f"  {what:30s} {median:7.2f} s   {len(files) / median:8,.0f} examples per second   {ratio:6.1f} times copy"
        )


if __name__ == "__main__":
    main()
