"""Small made-up tables for selection: labelled images and their examples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from builder.recipe import Recipe
from builder.schema import ANNOTATIONS, ASSIGNMENTS, PART_ROWS
from builder.stages.select.choose import Selected, select

ROWS = pa.schema([*PART_ROWS, pa.field("part", pa.string())])


class Tables(NamedTuple):
    rows: pa.Table
    assignments: pa.Table
    annotations: pa.Table

    def select(self, recipe: Recipe) -> Selected:
        return select(self.rows, self.assignments, self.annotations, recipe)


def image(number: int, label: str = "x", examples: int = 1, **facts: Any) -> dict[str, Any]:
    """Return an image with its examples.

    Several examples are crops; a single one is the whole image. ``facts`` override the made-up values.
    """
    return {
        "idx": f"src-{number}",
        "dir_name": "src",
        "label": label,
        "category": "compound",
        "group": f"plate {number}",
        "examples": [{"candidate": c} for c in range(examples)] if examples > 1 else [{"candidate": -1}],
    } | facts


def tables(images: Iterable[Mapping[str, Any]]) -> Tables:
    rows, assignments, annotations = [], [], []
    for one in images:
        idx = one["idx"]
        assignments.append({name: one[name] for name in ("idx", "dir_name", "label", "category")} | {"crops": 4})
        annotations.append(_annotation(one))
        rows += [_example(idx, place, example) for place, example in enumerate(one["examples"])]
    return Tables(
        pa.Table.from_pylist(rows, ROWS),
        pa.Table.from_pylist(assignments, ASSIGNMENTS),
        pa.Table.from_pylist(annotations, ANNOTATIONS),
    )


def _annotation(one: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: one[name] for name in ANNOTATIONS.names if name in one}
    made_up = {"key": f"key of {one['idx']}", "database": "Base", "name": "Source", "license": "CC0-1.0"}
    return made_up | {"files": ["a.tif"], "planes": [0], "file_signature": 1, one["category"]: one["label"]} | known


def _example(idx: str, place: int, example: Mapping[str, Any]) -> dict[str, Any]:
    candidate = example["candidate"]
    pixels = example.get("pixels", f"{idx}/{candidate}")
    reason = example.get("reason")
    made = {
        "pixels_sha256": hashlib.sha256(pixels.encode()).digest(),
        "sha256": example.get("whole", f"whole of {idx}"),
        "bytes": example.get("bytes", 1000),
        "row": place,
    }
    return {
        "idx": idx,
        "candidate": candidate,
        "crop": candidate >= 0,
        "scaling": 0.5 if candidate >= 0 else 1.0,
        **({} if reason else made),
        **{name: example[name] for name in ("height", "width", "redrawn", "whole_dim") if name in example},
        "reason": reason,
        "detail": example.get("detail"),
        "crops": 4,
        "file_signature": 1,
        "part": "standardized/src/part-00000",
    }


def kept(selected: Selected) -> set[tuple[str, int]]:
    """Return (idx, candidate) of the examples that a selection keeps."""
    return set(zip(selected.selection["idx"].to_pylist(), selected.selection["candidate"].to_pylist(), strict=True))


def sides_are_pure(selected: Selected, column: str, known: bool = False) -> bool:
    """Is each value of a column on one side only?"""
    sides: dict[str, set[str]] = {}
    for name, split in zip(
        selected.selection[column].to_pylist(), selected.selection["split"].to_pylist(), strict=True
    ):
        sides.setdefault(name, set()).add(split)
    return all(len(found) == 1 for name, found in sides.items() if name is not None or not known)
