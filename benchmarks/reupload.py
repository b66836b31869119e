"""How much must be sent again after a package changes.

Both formats are compared.

    python -m benchmarks.reupload [--rows 5000] [--box 256]

A store that keeps equal pieces once, as the hub's does, cuts files where their content says: here by a rolling hash of
64 bytes into pieces of 64 kB on average, 8 to 128 kB, as xet-core does. Made-up images of some 50 kB go through the
real pipeline: as they are, with another ``class_size``, and with a source more. A line gives the share of the bytes of
the changed package that lie in pieces which the first has not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import site
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np

from benchmarks.full_build import _write_plugins
from benchmarks.full_build_source import FACTS, SOURCES, dir_names, write_images
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.package.reformat import reformat
from builder.recipe import Recipe
from builder.stages.context import BuildContext
from builder.stages.pipeline import build

LEAST, MOST, MASK = 8 << 10, 128 << 10, 0xFFFF << 48  # a cut in 64 kB on average
GEAR = np.random.default_rng(0).integers(0, 1 << 63, 256, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


@numba.njit  # type: ignore[untyped-decorator]
def next_cut(data: Any, begin: int, gear: Any, mask: Any) -> int:
    """Return where the piece that begins at ``begin`` ends."""
    value = np.uint64(0)
    end = min(begin + MOST, len(data))
    for place in range(begin, end):
        value = (value << np.uint64(1)) + gear[data[place]]
        if place - begin >= LEAST and not value & mask:
            return place + 1
    return end


def pieces(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield each piece of a file: its hash and bytes."""
    data = np.fromfile(path, np.uint8)
    begin = 0
    while begin < len(data):
        end = next_cut(data, begin, GEAR, np.uint64(MASK))
        yield hashlib.sha256(data[begin:end].data).digest(), end - begin
        begin = end


def new_share(before: Path, after: Path) -> tuple[float, int]:
    """Return the share of bytes that another package lacks.

    Returns the package's size in bytes, too.
    """
    held = {piece for path in before.rglob("*") if path.is_file() for piece, _ in pieces(path)}
    new = total = 0
    for path in sorted(path for path in after.rglob("*") if path.is_file()):
        for piece, size in pieces(path):
            total += size
            new += size if piece not in held else 0
            held.add(piece)
    return new / total, total


def write(folder: Path, name: str, recipe: Recipe, sources: int) -> None:
    """Build a package, and write it in Parquet too."""
    settings = RunSettings(workers=os.cpu_count() or 1)
    names = tuple(dir_names()[:sources])
    job = BuildContext(str(folder / "data"), Store(folder / "work"), recipe, settings, only=names)
    build(job, Store(folder / f"{name}-arrow"))
    reformat(Store(folder / f"{name}-arrow"), Store(folder / f"{name}-parquet"), "parquet")


def main() -> None:
    """Build three packages and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--box", type=int, default=256, help="pixels of an example's side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reupload-") as made:
        folder = Path(made)
        _write_plugins(folder / "modules")
        os.environ[FACTS] = json.dumps({"rows": options.rows, "classes": 30, "box": options.box})
        site.addsitedir(str(folder / "modules"))
        write_images(folder / "data")
        size = options.rows // 30
        settings = {"min_side": options.box + 1, "min_images": size // 4, "min_class_size": size // 4}
        settings |= {"class_size": size, "shard_bytes": 32 << 20}
        first = Recipe.of(settings)
        write(folder, "first", first, SOURCES - 1)
        write(folder, "recipe", Recipe.of(settings | {"class_size": size * 9 // 10}), SOURCES - 1)
        write(folder, "source", first, SOURCES)
        for name, what in (("recipe", "class_size a tenth less"), ("source", f"a source more, of {SOURCES}")):
            for file_format in ("arrow", "parquet"):
                share, total = new_share(folder / f"first-{file_format}", folder / f"{name}-{file_format}")
                print(f"{what:30s} {file_format:8s} {100 * share:5.1f} % of {total / 1e6:,.0f} MB are new", flush=True)


if __name__ == "__main__":
    main()
