"""Leakage between training and validation, over the whole table.

Judged by what the builder says of each example.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ("label", "dir_name", "idx", "group", "batch", "pixels_sha256", "sha256", "split")
"""Columns of ``metadata.parquet`` that are looked at here."""


def audit(table: pa.Table, by_batch: bool) -> dict[str, int]:
    """Count the images, groups and examples on both sides.

    All are 0 in a sound package.

    Parameters
    ----------
    by_batch : whether the split promises that no batch is on both sides
    """
    found = {
        "source images (idx) on both sides": _on_both_sides(table, "idx"),
        "specimens (group) on both sides": _on_both_sides(table, "group"),
        "whole images with the same pixels on both sides": _on_both_sides(table, "sha256"),
        "examples with the same pixels on both sides": _on_both_sides(table, "pixels_sha256"),
    }
    return found | ({"batches on both sides": _on_both_sides(table, "batch")} if by_batch else {})


def batches_on_both_sides(table: pa.Table) -> tuple[int, int]:
    """Count batches on both sides, and all batches."""
    return _on_both_sides(table, "batch"), pc.count_distinct(table["batch"], mode="only_valid").as_py()


def single_source_classes(table: pa.Table) -> list[str]:
    """Return the classes whose examples all come from one source.

    There, source and label are confounded.
    """
    pairs = table.group_by(["label", "dir_name"]).aggregate([]).group_by("label").aggregate([([], "count_all")])
    return sorted(pairs.filter(pc.equal(pairs["count_all"], 1))["label"].to_pylist())


def _on_both_sides(table: pa.Table, key: str) -> int:
    known = table.select([key, "split"]).filter(pc.is_valid(table[key]))
    sides: Any = known.group_by([key, "split"]).aggregate([]).group_by(key).aggregate([([], "count_all")])
    return int(pc.sum(pc.greater(sides["count_all"], 1)).as_py() or 0)
