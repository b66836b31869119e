"""Files per second that one core reads by a ``source.toml``.

They are listed before; the adapters' figures stand beside, and how fast a folder on disk is listed.

Trees are made up in memory, as in ``benchmarks.annotate``: files by name, tables on disk. Timed, in processor seconds
of one process, are the images alone: names, tables, joins, channels. ``screen`` is a MetaXpress export of plates of 384
wells, 9 sites and 5 wavelengths with a plate map; ``classes`` is a folder a class; ``list`` is a table with a row per
file. Rounds alternate; medians are printed, and the most memory that a run in a process of its own added
and had (Linux). ``--shuffled`` lists the files of a folder in no order, as file systems may; ``--listing`` makes so
many empty files on disk and times their listing.

    python -m benchmarks.declared [--scale 0.2] [--rounds 3] [--only screen] [--shuffled] [--listing 100000]
"""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.annotate import TREES
from benchmarks.annotate_shared import WELLS, listed
from builder.sources import get_source
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.sources.declared.source import read_source

_MILLION = 1_500_000

DECLARED = {
    "rec_rxrx19a": """
title = "As rec_rxrx19a"
[files]
pattern = "{experiment}/Plate{plate}/{well}_s{field}_w{channel}.png"
[[tables]]
file = "metadata.csv"
join = { experiment = "experiment", plate = "plate", well = "well", field = "site" }
[columns]
phenotype = "disease_condition"
compound = "treatment"
""",
    "screen": """
title = "A screen"
[files]
layout = "imagexpress_export"
[channels]
1 = "nucleus"
2 = "actin"
3 = "mitochondrion"
4 = "endoplasmic reticulum"
5 = "nucleolus"
[[tables]]
file = "map.csv"
[columns]
compound = "drug"
[extra.dose]
type = "number"
""",
    "classes": 'title = "Classes"\n[files]\nclass_folders = "phenotype"\n',
    "list": 'title = "A list"\n[list]\nfile = "metadata.csv"\n[columns]\nphenotype = "label"\n',
}


def screen(root: Path, scale: float) -> list[str]:
    """Write a screen with a plate map of every well.

    Plates of 384 wells, 9 sites, 5 wavelengths.
    """
    plates = max(1, round(_MILLION * scale / (384 * 9 * 5)))
    rng = random.Random(0)
    rows = [
        f"P{n},{well[0]}{int(well[1:])},drug {rng.randrange(1600)},{n / 4}" for n in range(plates) for well in WELLS
    ]
    (root / "map.csv").write_text("\n".join(["plate,well,drug,dose", *rows]) + "\n")
    places = itertools.product(range(plates), WELLS, range(1, 10), range(1, 6))
    return [f"run_Plate_{n}/TimePoint_1/P{n}_{well}_s{site}_w{wave}.TIF" for n, well, site, wave in places]


def classes(_: Path, scale: float) -> list[str]:
    """A hundred folders of images."""
    return [f"class {n % 100}/image_{n:07d}.png" for n in range(round(_MILLION * scale))]


def rows(root: Path, scale: float) -> list[str]:
    """A table with a path and a label per image."""
    files = [f"images/{n // 1000}/image_{n:07d}.png" for n in range(round(_MILLION * scale))]
    lines = [f"{path},label {n % 50},{n % 7}" for n, path in enumerate(files)]
    (root / "metadata.csv").write_text("\n".join(["file_name,label,donor", *lines]) + "\n")
    return files


def rxrx19a(root: Path, scale: float) -> list[str]:
    return TREES["rec_rxrx19a"](root, scale).files


MADE: dict[str, Callable[[Path, float], list[str]]] = {
    "screen": screen,
    "classes": classes,
    "list": rows,
    "rec_rxrx19a": rxrx19a,
}


def shuffled(files: list[str]) -> list[str]:
    """Return files by folder, in no order within each."""
    rng = random.Random(0)
    folders: dict[str, list[str]] = {}
    for path in files:
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    for some in folders.values():
        rng.shuffle(some)
    return list(itertools.chain.from_iterable(folders.values()))


def ways(name: str) -> Iterator[tuple[str, Callable[[Folder], Iterator[Image]]]]:
    """Yield each way to read a folder that is listed."""
    yield "declared", lambda folder: read_source(DECLARED[name].encode(), "own", "source.toml").images(folder)
    if name in TREES:
        yield "adapter", lambda folder: get_source(name).images(folder)


def status(name: str) -> int:
    """Return a line of the process's status, in KiB.

    ``ru_maxrss`` would not do: a process that was started has the peak of the one that started it.
    """
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith(name))


def memory_of(name: str, scale: float, way: str) -> tuple[float, float]:
    """Measure the peak memory of reading a source, in MiB.

    Returns what reading adds to the names themselves, and the process's peak.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        folder = listed(root, dict.fromkeys(MADE[name](root, scale), 1))
        read = dict(ways(name))[way]
        gc.collect()
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        for _ in read(folder):
            pass
        return (status("VmHWM") - before) / 1024, status("VmHWM") / 1024


def measure(name: str, scale: float, rounds: int, unordered: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        files = MADE[name](Path(scratch), scale)
        signatures = dict.fromkeys(shuffled(files) if unordered else files, 1)
        todo = dict(ways(name))
        seconds: dict[str, list[float]] = {way: [] for way in todo}
        images = {}
        for _ in range(rounds):
            for way, read in todo.items():
                folder = listed(Path(scratch), signatures)
                gc.collect()
                gc.disable()  # as annotation does
                start = time.process_time()
                images[way] = sum(1 for _ in read(folder))
                seconds[way].append(time.process_time() - start)
                gc.enable()
    print(f"\n{name}: {len(files):,} files")
    for way, taken in seconds.items():
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            more, peak = alone.submit(memory_of, name, scale, way).result()
        median = statistics.median(taken)
        print(
            f"  {way:9s} {images[way]:9,} images {median:6.2f} s {len(files) / median:9,.0f} files/s "
            f"{more:7,.0f} MiB of {peak:,.0f}"
        )


def measure_listing(count: int, rounds: int) -> None:
    """Time the listing of empty files on disk.

    They lie in folders of a thousand; system calls count."""
    with tempfile.TemporaryDirectory() as root:
        for number in range(count):
            path = Path(root, str(number // 1000), f"image_{number:07d}.png")
            if not number % 1000:
                path.parent.mkdir()
            path.touch()
        seconds = []
        for _ in range(rounds):
            start = time.process_time()
            assert len(Folder.listed(root)) == count
            seconds.append(time.process_time() - start)
    median = statistics.median(seconds)
    print(f"\nlisting: {count:,} files {median:6.2f} s {count / median:9,.0f} files/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=0.2, help="share of 1.5 million files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=MADE)
    parser.add_argument("--shuffled", action="store_true", help="list the files of a folder in no order")
    parser.add_argument("--listing", type=int, default=100_000, help="files on disk of which the listing is timed")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}")
    for name in [options.only] if options.only else MADE:
        measure(name, options.scale, options.rounds, options.shuffled)
    if not options.only and options.listing:
        measure_listing(options.listing, options.rounds)


if __name__ == "__main__":
    main()
