"""Does validation hold anything of training? Counts over the whole table, and near duplicates by perceptual hash."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.pixels.near import near_pairs
from builder.schema import SPLITS

I64 = npt.NDArray[np.int64]

NEAR: Final = 3
"""Bits of 64 in which the perceptual hashes of two near duplicates may differ."""


class Near(NamedTuple):
    """Two examples on different sides that look alike: rows of the table, and the bits in which they differ."""

    train: int
    validation: int
    distance: int


def audit(table: pa.Table) -> dict[str, int]:
    """Return how many images, groups and exact examples are on both sides: all 0 in a sound package."""
    return {
        "images (idx) on both sides": _on_both_sides(table, ["idx"]),
        "groups (plate, well, patient, slide) on both sides": _on_both_sides(table, ["dir_name", "group"]),
        "examples with the same pixels on both sides": _on_both_sides(table, ["pixels_sha256"]),
    }


def near_duplicates(table: pa.Table) -> list[Near]:
    """Return pairs across the split whose perceptual hashes differ in at most NEAR bits, one a pair of hashes."""
    hashes, of_hash = np.unique(table["phash"].to_numpy(), return_inverse=True)
    sides = table["split"].to_numpy(zero_copy_only=False)
    train, validation = (_first_rows(of_hash, sides == side, len(hashes)) for side in SPLITS)
    pairs, _ = near_pairs(hashes, NEAR)
    same = np.arange(len(hashes))
    first = np.concatenate([same, pairs[:, 0], pairs[:, 1]])
    second = np.concatenate([same, pairs[:, 1], pairs[:, 0]])
    across = (train[first] >= 0) & (validation[second] >= 0)
    found = [
        Near(int(train[a]), int(validation[b]), (int(hashes[a]) ^ int(hashes[b])).bit_count())
        for a, b in zip(first[across].tolist(), second[across].tolist(), strict=True)
    ]
    return sorted(found, key=lambda pair: (pair.distance, pair))


def single_source_classes(table: pa.Table) -> list[str]:
    """Return the classes all of whose examples come from one source: there, source and label are confounded."""
    pairs = table.group_by(["label", "dir_name"]).aggregate([]).group_by("label").aggregate([([], "count_all")])
    return sorted(pairs.filter(pc.equal(pairs["count_all"], 1))["label"].to_pylist())


def _on_both_sides(table: pa.Table, keys: list[str]) -> int:
    sides: Any = table.group_by([*keys, "split"]).aggregate([]).group_by(keys).aggregate([([], "count_all")])
    return int(pc.sum(pc.greater(sides["count_all"], 1)).as_py() or 0)


def _first_rows(of_hash: I64, wanted: npt.NDArray[np.bool_], count: int) -> I64:
    """Return for each hash its first row on one side, -1 where it has none there."""
    rows = np.full(count, -1, np.int64)
    here = np.flatnonzero(wanted)[::-1]
    rows[of_hash[here]] = here
    return rows
