"""Time to the first batch, and memory, in fresh processes.

For ``benchmarks/loading.py``, each loader in a process of its own.

python -m benchmarks.loading_first LOADER PACKAGE FOLDER   (what ``first`` starts)
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import datasets
import torch

import cytoimagenet
from benchmarks.loading_ours import OURS, UNDECODED
from benchmarks.loading_peers import PEERS
from benchmarks.loading_shared import SIZE, Made


def anonymous() -> float:
    """Return this process's and its children's memory in MB.

    What is mapped from files is left out. A page that several of them share, as forked workers do with their parent,
    counts once (Pss of smaps_rollup).
    """

    def own(pid: int | str) -> int:
        lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        return sum(int(line[1]) for line in lines if line[0] in ("Pss_Anon:", "Pss_Shmem:"))

    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return sum(own(pid) for pid in ("self", *children)) / 1000


def fresh(loader: str, made: Made) -> None:
    """Print seconds to the first batch, and peak memory.

    This is the work of a fresh process, with 0 and with 2 workers.
    """
    kind = {**OURS, **PEERS}[loader]
    for module in kind.modules:
        importlib.import_module(module)
    before = anonymous()
    start = time.perf_counter()
    instance = kind(made)
    batches = instance.batches(0)
    next(batches)
    seconds = time.perf_counter() - start
    most = [max(anonymous() for _ in batches) - before]
    instance.close()
    most.append(max(anonymous() for _ in instance.batches(2)) - before)
    print(json.dumps([seconds, *most]), flush=True)
    instance.close()


def first(found: dict[str, Any], made: Made, rounds: int) -> None:
    print("\nfirst: seconds to the first batch; most memory in MB, 0 and 2 workers (ours: 1 and 2 threads)")
    results: dict[str, list[list[float]]] = {loader: [] for loader in found if hasattr(found[loader], "batches")}
    for _ in range(rounds + 1):
        for loader in results:
            command = [sys.executable, "-m", "benchmarks.loading_first", loader, *map(str, made)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
            except subprocess.SubprocessError as error:  # a peer that fails must not end the others' run
                print(f"  {loader:30s} failed: {error}")
                continue
            results[loader].append(json.loads(done.stdout.splitlines()[-1]))
    for loader, values in results.items():
        if len(values) > rounds:
            seconds, none, two = (statistics.median(column) for column in zip(*values[1:], strict=True))
            print(f"  {loader:30s} {seconds:10.3f} s   {none:8,.0f}   {two:8,.0f}")
    start = time.perf_counter()
    opened = cytoimagenet.open(made.package).cast_column("image", UNDECODED)
    rows = [opened[i] for i in range(64)]
    ready = time.perf_counter() - start
    cytoimagenet.decode_batch([row["image"]["bytes"] for row in rows], SIZE)
    print(f"  open, warm: its first 64 rows {ready:.3f} s, decoded and resized {time.perf_counter() - start:.3f} s")


if __name__ == "__main__":
    datasets.disable_progress_bars()
    torch.set_num_threads(1)
    fresh(sys.argv[1], Made(*map(Path, sys.argv[2:])))
