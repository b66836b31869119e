"""Invariants of the whole table of examples.

Labels, split, names and counts (method, sections 2 and 6).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.package.manifest import ClassIndex, Manifest, class_index
from builder.package.problem import Problem
from builder.recipe import Recipe
from builder.schema import CATEGORIES, REASONS, REJECTS, SPLITS, TOKEN_SEPARATOR
from cytoimagenet_reader import layout

_NAMED = 3

REPEATED = ("label", *CATEGORIES, "category", "dir_name", "split", "shard")
READ = (*REPEATED, "filename", "idx", "group", "position", "pixels_sha256", "sha256", "batch")
"""The columns of ``metadata.parquet`` that are looked at here; those in REPEATED may come as codes."""


def check_rows(table: pa.Table, manifest: Manifest, recipe: Recipe) -> Iterator[Problem]:
    """Yield broken invariants of ``metadata.parquet``."""
    converted = "release" in manifest["report"]  # the published labels stay, though some came from parts of words
    for what in (
        *_bad_values(table),
        *(() if converted else _foreign_labels(table, recipe)),
        *_both_sides(table, "idx"),
        *_both_sides(table, "group"),
        *(_both_sides(table, "batch") if recipe.split_by == "batch" else ()),
        *_both_sides(table, "sha256"),
        *_repeated(table, recipe),
    ):
        yield Problem(layout.METADATA_TABLE, what)
    counted = {row["values"]: row["counts"] for row in pc.value_counts(table["dir_name"]).to_pylist()}
    stated = {source["dir_name"]: source["images"] for source in manifest["sources"]}
    for name in sorted(counted.keys() | stated.keys()):
        if counted.get(name, 0) != stated.get(name, 0):
            found = f"{stated.get(name, 0)} images of {name}; metadata.parquet has {counted.get(name, 0)}"
            yield Problem(layout.MANIFEST, f"says {found}")


def check_classes(table: pa.Table, stated: ClassIndex, manifest: Manifest) -> Iterator[Problem]:
    """Yield where classes differ from the rows or between configs.

    ``classes.json`` must match the rows, and the categories must add up to ``full``.
    """
    counted = class_index(table)
    if list(stated) != list(counted):
        yield Problem(layout.CLASSES, f"has the configs {', '.join(stated)}; the rows make {', '.join(counted)}")
    for config in counted.keys() & stated.keys():
        if stated[config] != counted[config]:
            yield Problem(layout.CLASSES, f"its config {config} differs from the rows{_where(stated, counted, config)}")
    for split, counts in stated.get(layout.FULL, {}).get("counts", {}).items():
        parts = sum(
            sum(entry["counts"].get(split, {}).values()) for config, entry in stated.items() if config != layout.FULL
        )
        if parts != sum(counts.values()):
            yield Problem(layout.CLASSES, f"{split}: full has {sum(counts.values())} images, its categories {parts}")
    if manifest["classes"] != len(counted[layout.FULL]["names"]):
        found = len(counted[layout.FULL]["names"])
        yield Problem(layout.MANIFEST, f"says {manifest['classes']} classes; the rows have {found}")


def check_order(table: pa.Table, manifest: Manifest) -> Iterator[Problem]:
    """Yield rows out of the reading order of ``full``.

    Train comes before validation.
    """
    files = manifest["files"]
    paths = [path for split in SPLITS for path in layout.shards_of(files, layout.FULL, split)]
    rows = [files[path]["rows"] for path in paths]
    names = pa.array([path.rpartition(".")[0] for path in paths], pa.string())
    shards = np.repeat(np.arange(len(paths)), rows)
    found = pc.index_in(table["shard"], value_set=names).fill_null(-1).to_numpy()
    positions = np.concatenate([np.arange(count) for count in rows] or [np.arange(0)])
    for column, has, wanted in (("shard", found, shards), ("position", table["position"].to_numpy(), positions)):
        if not np.array_equal(has, wanted):
            yield Problem(layout.METADATA_TABLE, f"its rows are not in the order of the shards, by {column}")
            return


def check_rejects(table: pa.Table) -> Iterator[Problem]:
    """Yield problems with the table of rejects."""
    if not table.schema.equals(REJECTS):
        yield Problem(layout.REJECTS_TABLE, "its columns are not those of builder.schema")
        return
    unknown = sorted(set(pc.unique(table["reason"]).to_pylist()) - REASONS.keys())
    if unknown:
        yield Problem(layout.REJECTS_TABLE, f"gives unknown reasons: {', '.join(unknown[:_NAMED])}")


def _bad_values(table: pa.Table) -> Iterator[str]:
    for column, known in (("category", CATEGORIES), ("split", SPLITS)):
        unknown = sorted(set(pc.unique(table[column]).to_pylist()) - set(known))
        if unknown:
            yield f"has an unknown {column}: {', '.join(unknown[:_NAMED])}"


def _foreign_labels(table: pa.Table, recipe: Recipe) -> Iterator[str]:
    """Yield labels that are no token of their cell.

    A label is a token of its category's cell, or what the recipe renames one to.
    """
    for category in CATEGORIES:
        rows = table.filter(pc.equal(table["category"], category))
        pairs = rows.group_by(["label", category]).aggregate([]).to_pylist()
        for pair in pairs:
            tokens = (pair[category] or "").split(TOKEN_SEPARATOR)
            if pair["label"] not in {recipe.rename_labels.get(token, token) for token in tokens}:
                yield f"label {pair['label']!r} is no token of its {category}, {pair[category]!r}"


def _both_sides(table: pa.Table, column: str) -> Iterator[str]:
    known = table.select([column, "split"]).filter(pc.is_valid(table[column]))
    sides = known.group_by([column, "split"]).aggregate([]).group_by(column).aggregate([([], "count_all")])
    both = sides.filter(pc.greater(sides["count_all"], 1))
    if both.num_rows:
        names = sorted(both[column].slice(0, 1000).to_pylist())
        yield f"{both.num_rows} {column} on both sides of the split, for instance {'; '.join(names[:_NAMED])}"


def _repeated(table: pa.Table, recipe: Recipe) -> Iterator[str]:
    checks = [("filename", "file names"), ("pixels_sha256", "examples, pixel for pixel,")]
    for column, what in checks if recipe.size == 0 else checks[:1]:
        counts = pc.value_counts(table[column].combine_chunks())
        again = counts.filter(pc.greater(counts.field("counts"), 1))
        if len(again):
            example = again[0]["values"].as_py()
            shown = example if isinstance(example, str) else (example or b"").hex()[:16]
            yield f"{len(again)} {what} occur more than once, for instance {shown}"


def _where(stated: ClassIndex, counted: ClassIndex, config: str) -> str:
    ours, theirs = counted[config], stated[config]
    if ours["names"] != theirs.get("names"):
        odd = sorted(set(ours["names"]) ^ set(theirs.get("names", [])))
        return f": its classes are others ({', '.join(odd[:_NAMED]) or 'in another order'})"
    for split, counts in ours["counts"].items():
        for name, count in counts.items():
            if theirs.get("counts", {}).get(split, {}).get(name) != count:
                return f": {count} images of {name!r} in {split}"
    return ""
