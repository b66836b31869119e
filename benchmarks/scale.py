"""How the engine scales: memory, workers, overhead, empty tasks.

    python -m benchmarks.scale                      all of it, a few minutes
    python -m benchmarks.scale memory --images 1000 10000 100000

Work: made-up examples (seeded), standardised by the stage's own function, parts of 200 images. ``memory`` takes one
channel of 64 x 64 pixels an image; ``workers`` and ``cost`` take what Cell Painting gives: five channels of 520 x 696
pixels, 16 bit. Ratios are medians of alternating runs.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Task, run_tasks
from builder.engine.store import Store
from builder.recipe import Recipe
from builder.stages.standardize.item import Item
from builder.stages.standardize.make_part import standardize_part
from builder.stages.standardize.stage import pixels_fingerprint

PART = 200
SOURCE = "bbbc005"


def part_function(data: Path, work: Store) -> functools.partial[list[tuple[str, str]]]:
    """Return the picklable function that makes a task's part."""
    recipe = Recipe()
    return functools.partial(standardize_part, str(data), {}, work, recipe, pixels_fingerprint(recipe), False)


def make_candidates(folder: Path, count: int, height: int, width: int) -> None:
    """Write seeded images of blurred blobs on noise (16-bit TIFF)."""
    import numpy as np
    import tifffile

    (folder / SOURCE).mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:height, :width]
    for n in range(count):
        rng = np.random.default_rng(n)
        example = rng.normal(200, 12, (height, width))
        for cx, cy, size in rng.uniform(0, height, (height // 16, 3)):
            example += 900 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (8 + size / 4))
        tifffile.imwrite(folder / SOURCE / f"{n}.tif", example.clip(0, 4095).astype(np.uint16))


def items(count: int, examples: int, channels: int) -> Iterator[Item]:
    """Yield so many images; they share the examples."""
    for n in range(count):
        # Not the same file twice in a row: the stage's reader would decode it once.
        files = tuple(f"{(n * channels + c) % examples}.tif" for c in range(channels))
        yield Item(f"{SOURCE}-{n}", SOURCE, files, (0,) * channels, None, 1, 1)


def tasks(count: int, examples: int, channels: int, part: int = PART) -> Iterator[Task]:
    """Yield the tasks of so many images, lazily."""
    chunk: list[Item] = []
    for item in items(count, examples, channels):
        chunk.append(item)
        if len(chunk) == part:
            yield Task(chunk[0].idx, tuple(chunk), part)
            chunk = []
    if chunk:
        yield Task(chunk[0].idx, tuple(chunk), len(chunk))


def build(data: Path, work: Path, count: int, examples: int, channels: int, workers: int, part: int = PART) -> float:
    """Standardise images; return the seconds after the start.

    They run from the first result to the last.
    """
    function = part_function(data, Store(work))
    marks: list[float] = []
    done = 0

    def on_result(task: Task, _: Any) -> None:
        nonlocal done
        done += task.weight
        marks.append(time.perf_counter())

    with Progress("standardize", count) as progress:
        run_tasks(
            function,
            tasks(count, examples, channels, part),
            settings=RunSettings(workers=workers),
            progress=progress,
            on_result=on_result,
            on_crash=lambda *lost: sys.exit(f"lost {lost}"),
        )
    assert done == count
    return marks[-1] - marks[0] if len(marks) > 1 else 0.0


def measure_memory(counts: Sequence[int]) -> None:
    """Print peak memory of the parent and its largest worker."""
    print("\nmemory: 64 x 64 pixels, 2 workers")
    first: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        make_candidates(Path(folder, "data"), 50, 64, 64)
        for count in counts:
            command = [sys.executable, "-m", "benchmarks.scale", "one", folder, str(count)]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            first = first or found
            ratios = {name: found[name] / first[name] for name in ("parent", "worker")}
            print(
                f"  {count:>9,} images: parent {found['parent'] / 1e6:5.0f} MB ({ratios['parent']:.2f}x), "
                f"largest worker {found['worker'] / 1e6:5.0f} MB ({ratios['worker']:.2f}x), "
                f"{found['seconds']:6.1f} s, {1e3 * found['seconds'] / count:.2f} ms each"
            )


def one(folder: str, count: int) -> None:
    """Standardise here; print the processes' peak memory (for ``measure_memory``)."""
    import resource

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as work:
        build(Path(folder, "data"), Path(work), count, 50, 1, workers=2)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = [unit * resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"parent": peaks[0], "worker": peaks[1], "seconds": seconds}))


def measure_workers(rounds: int) -> None:
    """Two workers against one."""
    parts, part = 40, PART // 4  # many, so that it does not matter where in a part the clock starts and stops
    count = parts * part
    print(f"\nworkers: {count:,} images of 5 x 520 x 696 pixels, {rounds} alternating rounds")
    ratios, inflations = [], []
    with tempfile.TemporaryDirectory() as folder:
        make_candidates(Path(folder, "data"), 40, 520, 696)
        for _ in range(rounds):
            seconds, processor = {}, {}
            for workers in (1, 2):
                with tempfile.TemporaryDirectory(dir=folder) as work:
                    before = _spent_by_children()
                    seconds[workers] = build(Path(folder, "data"), Path(work), count, 40, 5, workers, part)
                    processor[workers] = _spent_by_children() - before
            # From the first result to the last, n workers finish all parts but their first n.
            ratios.append(((parts - 2) / seconds[2]) / ((parts - 1) / seconds[1]))
            inflations.append(processor[2] / processor[1])
            print(
                f"  1: {seconds[1]:.2f} s, 2: {seconds[2]:.2f} s, ratio {ratios[-1]:.2f}; "
                f"processor seconds, with the start: {processor[1]:.2f}, {processor[2]:.2f}"
            )
    print(
        f"  two workers are {statistics.median(ratios):.2f}x one; the same work takes "
        f"{statistics.median(inflations):.2f}x the processor time (two starts, caches and memory shared)"
    )


def pixels_only(data: Path, some: Sequence[Item]) -> None:
    """Read, standardise, crop and encode: the stage's pixel work alone."""
    from builder.draw import Draw
    from builder.pixels.candidates import candidates
    from builder.pixels.read import read
    from cytoimagenet_reader.png import encoder

    recipe = Recipe()
    for item in some:
        channels = [read((data / SOURCE / file).read_bytes()) for file in item.files]
        for found in candidates(channels, item.crops, Draw(recipe.seed, item.idx, "crops"), recipe):
            if found.pixels is not None:
                encoder.encode(found.pixels)


def measure_cost(rounds: int) -> None:
    """Measure what engine and artefacts cost beside the pixels.

    It is processor time in a worker that has begun; its start is measured apart.

    Both sides are warm and take the same images, a part in turn; the part is made as in a worker, each image watched.
    """
    from builder.engine import worker

    print(f"\ncost: {rounds} alternating rounds of {PART} images of 5 x 520 x 696 pixels, processor seconds")
    spent: dict[str, list[float]] = {"pixels": [], "all": []}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as notes:
        data = Path(folder, "data")
        make_candidates(data, 40, 520, 696)
        start = _start_seconds(data, Path(folder, "start"))
        worker._watch = worker.Watch(Path(notes))
        function = functools.partial(_watched, part_function(data, Store(folder)))
        for n, task in enumerate(tasks((rounds + 1) * PART, 40, 5)):
            began = time.process_time()
            pixels_only(data, task.items)
            between = time.process_time()
            run_tasks(
                function,
                [task],
                settings=RunSettings(workers=0),
                progress=Progress("standardize", PART),
                on_result=lambda *_: None,
            )
            if n:  # the first round warms both: compiled code, the disk cache, memory
                spent["pixels"].append(between - began)
                spent["all"].append(time.process_time() - between)
    pixels, whole = (1e3 * statistics.median(spent[side]) / PART for side in ("pixels", "all"))
    extra = 1e3 * statistics.median(b - a for a, b in zip(spent["pixels"], spent["all"], strict=True)) / PART
    print(f"  an image: pixels {pixels:.2f} ms, all {whole:.2f} ms")
    print(f"  engine and artefacts cost {extra:+.3f} ms an image, {100 * extra / pixels:+.1f} % of the pixels")
    print(f"  beside that a worker takes {start:.1f} s to start, once in its life of 40,000 images")


def _watched(function: Any, some: tuple[Item, ...]) -> Any:
    from builder.engine import worker

    return worker.call_watched(function, None, 0, 300.0, some)[0]


def _start_seconds(data: Path, work: Path) -> float:
    """Return the processor seconds of a pool for one image."""
    before = _spent_by_children()
    build(data, work, 1, 40, 5, workers=1)
    return _spent_by_children() - before


def _spent_by_children() -> float:
    """Return the processor seconds of child processes that ended."""
    import resource

    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def measure_empty(count: int) -> None:
    """Run empty tasks through two workers.

    10 million images are 50,000 tasks of 200.
    """
    print(f"\nempty tasks: {count:,}, 2 workers")
    done = 0

    def on_result(*_: Any) -> None:
        nonlocal done
        done += 1

    began = time.perf_counter()
    with Progress("empty", count, "tasks") as progress:
        run_tasks(
            len,
            (Task(str(n), (n,)) for n in range(count)),
            settings=RunSettings(workers=2, tasks_per_worker=0),
            progress=progress,
            on_result=on_result,
        )
    seconds = time.perf_counter() - began
    assert done == count
    print(
        f"  {count / seconds:,.0f} tasks per second; 10 million images in tasks of {PART}: "
        f"{5e4 * seconds / count:.0f} s"
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["empty", "cost", "workers", "memory"])
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=20_000)
    options = parser.parse_args()
    if options.what[0] == "one":
        one(options.what[1], int(options.what[2]))
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"Python {platform.python_version()}, {machine}")
    for what in options.what:
        if what == "empty":
            measure_empty(options.tasks)
        elif what == "cost":
            measure_cost(5 * options.rounds)
        elif what == "workers":
            measure_workers(options.rounds)
        elif what == "memory":
            measure_memory(options.images)
        else:
            parser.error(f"{what} is none of empty, cost, workers, memory")


if __name__ == "__main__":
    main()
