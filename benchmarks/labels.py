"""Label assignment against Polars and pandas: time, peak memory, growth.

The table is like the real one.

    python -m benchmarks.labels                      2.7 million rows: ours, Polars and two ways with pandas, in turn
    python -m benchmarks.labels --rows 27000000 --ways ours

Work: read 40 parquet files (the columns that are needed, from a warm page cache) and assign labels by the method's
section 2. Every run is a process of its own; its time starts after the imports and its memory is the peak resident
set. The ways draw different rows, so they are compared by classes and images, and each with itself by a digest.
Ratios are of elapsed and of processor time; the latter says more where other work shares the machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.labels_table import write_annotations


def run(way: str, folder: Path) -> dict[str, object]:
    """Do the work once, in this process."""
    if way == "ours":
        from benchmarks.labels_ours import assign
    elif way == "polars":
        from benchmarks.labels_polars import assign
    else:
        from benchmarks.labels_pandas import WAYS

        assign = WAYS[way]
    before = _peak_mb()
    start, cpu = time.perf_counter(), time.process_time()
    found = assign(sorted(folder.glob("*.parquet")))
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": _peak_mb(),
        "before_mb": before,
        **found,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB


def in_turn(ways: list[str], folder: Path, runs: int) -> dict[str, list[dict[str, float]]]:
    """Run the ways in turn, each in its own process."""
    results: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(runs):
        for way in ways:
            command = [sys.executable, "-m", "benchmarks.labels", "--one", way, "--folder", str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results[way].append(json.loads(done.stdout.splitlines()[-1]))
    return results


def report(results: dict[str, list[dict[str, float]]]) -> None:
    def median(way: str, what: str) -> float:
        return statistics.median(run[what] for run in results[way])

    print(f"{'way':18} {'seconds':>8} {'cpu s':>7} {'peak MB':>8} {'classes':>8} {'images':>9} {'ratio':>6} {'cpu':>6}")
    for way, runs in results.items():
        times = [median(way, what) for what in ("seconds", "cpu")]
        peak = max(run["peak_mb"] for run in runs)
        line = f"{way:18} {times[0]:8.2f} {times[1]:7.2f} {peak:8.0f} {runs[0]['classes']:8} {runs[0]['images']:9}"
        if "ours" in results:
            line += "".join(
                f" {time / median('ours', what):6.1f}" for time, what in zip(times, ("seconds", "cpu"), strict=True)
            )
        print(line)
        if len({run["digest"] for run in runs}) > 1:
            print(f"{way}: the runs differ")


def describe_machine(rows: int) -> None:
    import numpy
    import pandas
    import pyarrow

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    print(
        f"{rows:,} rows; {platform.machine()}, {cores} cores, load {load:.1f}; Python {platform.python_version()}, "
        f"pyarrow {pyarrow.__version__}, numpy {numpy.__version__}, pandas {pandas.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_700_000)
    parser.add_argument("--ways", default="ours,polars,pandas categories,pandas explode")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the table here, and use it if it is there")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(options.one, options.folder)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.glob("*.parquet")):
            write_annotations(folder, options.rows)
        describe_machine(options.rows)
        ways = options.ways.split(",")
        if "polars" in ways and importlib.util.find_spec("polars") is None:
            print("polars: not installed, left out")
            ways.remove("polars")
        report(in_turn(ways, folder, options.runs))


if __name__ == "__main__":
    main()
