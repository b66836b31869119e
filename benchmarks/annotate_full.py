"""Annotation of a full-sized set by two processes.

It has 2.7 million rows of fourteen sources and ten million file names.

Tables are real ones, trimmed, whose rows repeat on made-up plates until a source has the size of its download (idr0088:
its whole table, and fields as many as the paper used); rows of the Recursion sets are drawn from their real counts of
treatments; bbbc022 is that of ``annotate.py``. Files are names in memory, so the seconds (wall time) are those of the
stage without the listing of a disk: fingerprint, adapter, vocabulary, keys, Arrow, Parquet. Each source has a process
of its own, the largest first; its peak holds the listing as well, and what it took to make it up.

    CYTOIMAGENET_REAL_DATA=FOLDER python -m benchmarks.annotate_full [--scale 1.0] [--workers 2] [--only idr0016]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from benchmarks.annotate_shared import listed, whole_stage
from benchmarks.annotate_tables import MAKERS

_MASK = (1 << 63) - 1
LARGEST_FIRST = ("idr0016", "rec_rxrx19a", "idr0009", "rec_rxrx2", "rec_rxrx1", "idr0003", "rec_rxrx19b", "bbbc022")


class Result(NamedTuple):
    name: str
    rows: int
    files: int
    seconds: float
    making: float
    mebibytes: float
    notes: dict[str, int]


def annotate(task: tuple[str, str, float]) -> Result:
    name, real, scale = task
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "tables"
        root.mkdir()
        start = time.perf_counter()
        made = MAKERS[name](name, Path(real), root, scale)
        # numbers as large as those of real sizes and times
        folder = listed(root, {path: number * 0x9E3779B97F4A7C15 & _MASK for number, path in enumerate(made)})
        ready = time.perf_counter()
        folder.file_signature(folder.paths())
        rows = whole_stage(name, folder, Path(scratch) / "work")
        done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Result(name, rows, len(folder), done - ready, ready - start, peak, folder.notes.counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of a source's real size")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", help="sources, joined by commas")
    options = parser.parse_args()
    real = os.environ.get("CYTOIMAGENET_REAL_DATA")
    if not real:
        parser.error("CYTOIMAGENET_REAL_DATA names no folder with real tables")
    names = options.only.split(",") if options.only else [*LARGEST_FIRST, *sorted(MAKERS.keys() - {*LARGEST_FIRST})]
    print(f"Python {platform.python_version()}, pyarrow {pa.__version__}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"{options.workers} processes, scale {options.scale:g}\n")
    print(f"{'source':15s} {'rows':>9s} {'files':>10s} {'seconds':>8s} {'files/s':>9s} {'peak MiB':>9s}  notes")
    start = time.perf_counter()
    results = []
    with multiprocessing.get_context("spawn").Pool(options.workers, maxtasksperchild=1) as pool:
        tasks = [(name, real, options.scale) for name in names]
        for found in pool.imap_unordered(annotate, tasks, chunksize=1):
            results.append(found)
            notes = "; ".join(f"{count:,} {kind}" for kind, count in found.notes.items())
            line = f"{found.name:15s} {found.rows:9,} {found.files:10,} {found.seconds:8.1f}"
            print(f"{line} {found.files / found.seconds:9,.0f} {found.mebibytes:9,.0f}  {notes}", flush=True)
    wall = time.perf_counter() - start
    rows, files, work = (sum(column) for column in zip(*(found[1:4] for found in results), strict=True))
    print(f"\n{rows:,} rows of {files:,} files: {work / 60:.1f} minutes of stage, one process after the other;")
    print(f"{wall / 60:.1f} minutes in all on {options.workers}, with the making of tables and names")
    peaks = sorted((found.mebibytes for found in results), reverse=True)
    print(f"peak {peaks[0]:,.0f} MiB a process; the largest {options.workers} {sum(peaks[: options.workers]):,.0f} MiB")


if __name__ == "__main__":
    main()
