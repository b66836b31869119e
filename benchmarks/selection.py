"""Selection and split at full size: seconds and memory.

The tables are made up.

    python -m benchmarks.selection                      a tenth: 89,000 candidates in 90 classes
    python -m benchmarks.selection --candidates 890000  all of it

Classes hold about 1,000 candidates, of images on the plates and in the wells of one of 40 sources; a well has images of
two classes, one image in a hundred is a copy of one beside it, and one in three gives four crops.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.recipe import Recipe
from builder.schema import ANNOTATIONS, ASSIGNMENTS, PART_ROWS
from builder.stages.select.choose import select

FULL = (890_000, 894)


def tables(candidates: int, seed: int = 0) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return rows, assignments and annotations with about so many candidates."""
    chance = np.random.default_rng(seed)
    cut = chance.random(candidates // 2) < 1 / 3
    counts = np.where(cut, 4, 1)
    images = len(counts)
    classes = max(10, FULL[1] * candidates // FULL[0])
    label = chance.integers(0, classes, images)
    source = label % 40
    place = np.arange(images)
    well = (label // 2 * 600) + chance.integers(0, 300, images)
    text = pc.cast
    idx = pc.binary_join_element_wise(names("src", source), text(pa.array(place), pa.string()), "-")
    whole = place.copy()
    by_plate = np.argsort(well // 96, kind="stable")  # a copy lies on the plate of its original, mostly
    copies = 1 + np.flatnonzero(chance.random(images - 1) < 0.01)
    whole[by_plate[copies]] = whole[by_plate[copies - 1]]
    assignments = empty(ASSIGNMENTS, images) | {
        "idx": idx,
        "dir_name": names("src", source),
        "label": names("class ", label),
        "category": pa.array(np.array(["compound", "gene"])[label % 2]),
        "crops": pa.array(np.where(cut, 4, 1)),
    }
    annotations = empty(ANNOTATIONS, images) | {
        "idx": idx,
        "key": names("key ", place),
        "dir_name": names("src", source),
        "database": names("base ", source % 5),
        "name": names("source ", source),
        "license": names("licence ", source % 3),
        "group": names("shared:well ", well),
        "batch": names("plate ", well // 96),
        "compound": names("class ", label),
    }
    owner = np.repeat(place, counts)
    candidate = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    crop = np.repeat(cut, counts)
    rows = empty(pa.schema([*PART_ROWS, pa.field("part", pa.string())]), len(owner)) | {
        "idx": idx.take(pa.array(owner)),
        "candidate": pa.array(np.where(crop, candidate, -1)),
        "crop": pa.array(crop),
        "scaling": pa.array(np.where(crop, 0.5, 1.0)),
        "pixels_sha256": hashes(whole[owner] * 8 + candidate),
        "sha256": names("whole ", whole[owner]),
        "bytes": pa.array(chance.integers(10_000, 90_000, len(owner))),
        "crops": pa.array(counts[owner]),
        "part": names("standardized/part-", owner // 200),
        "row": pa.array(np.arange(len(owner)) % 200),
    }
    made = ((rows, pa.schema([*PART_ROWS, pa.field("part", pa.string())])), (assignments, ASSIGNMENTS))
    first, second = (pa.table([cast(columns[f.name], f) for f in schema], schema=schema) for columns, schema in made)
    return first, second, pa.table([cast(annotations[f.name], f) for f in ANNOTATIONS], schema=ANNOTATIONS)


def empty(schema: pa.Schema, rows: int) -> dict[str, pa.Array]:
    """Return columns of nulls, or of zeros where required."""
    return {field.name: pa.nulls(rows, field.type) if field.nullable else zeros(field.type, rows) for field in schema}


def zeros(kind: pa.DataType, rows: int) -> pa.Array:
    """Return a column of the empty value of a type."""
    if pa.types.is_list(kind):
        return pa.array([[]] * rows, kind)
    value = b"\0" * kind.byte_width if pa.types.is_fixed_size_binary(kind) else "" if pa.types.is_string(kind) else 0
    return pa.repeat(pa.scalar(value, kind) if value != 0 else pa.scalar(0).cast(kind), rows)


def cast(column: pa.Array, field: pa.Field) -> pa.Array:
    """Return a column in the type of its field."""
    return column if column.type == field.type else column.cast(field.type)


def names(prefix: str, numbers: np.ndarray) -> pa.Array:
    """Return texts: a prefix and a number."""
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def hashes(numbers: np.ndarray) -> pa.Array:
    """Return 32 bytes per number, equal for equal numbers."""
    content = np.zeros((len(numbers), 4), np.int64)
    content[:, 0] = numbers
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(numbers), [None, pa.py_buffer(content)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=FULL[0] // 10)
    options = parser.parse_args()
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    made = tables(options.candidates)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for split_by in ("group", "batch"):
        start, spent = time.perf_counter(), time.process_time()
        found = select(*made, Recipe.of({"split_by": split_by}))
        took, spent = time.perf_counter() - start, time.process_time() - spent
        split = found.report["split"]
        print(
            f"  split_by={split_by}: {made[0].num_rows:,} candidates, {found.selection.num_rows:,} chosen in "
            f"{took:.1f} s ({spent:.1f} s of processor); validation {split['validation_share']:.3f}, "
            f"{len(split['without_validation'])} classes without"
        )
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  memory: tables {before / 1e6:.2f} GB, at most {most / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
