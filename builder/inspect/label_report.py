"""`cytoimagenet label`: the table of all potential labels."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.csv

from builder.inspect.text_table import text_table
from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.stages.label.assign import Labelling, Step
from builder.stages.label.index import Column, encode
from builder.stages.label.sampling import strata_of

CLASS_TABLE = pa.schema(
    [
        pa.field("label", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),  # images that hold the token
        pa.field("free", pa.int64(), nullable=False),  # of these, left by earlier labels
        pa.field("taken", pa.int64(), nullable=False),  # images of the class; 0: too few were left
        pa.field("crops", pa.int8(), nullable=False),  # wanted from each image
        ("strata", pa.int64()),  # of the last draw; null where nothing was drawn
        ("strata_covered", pa.int64()),  # of these, with an image in the class
        pa.field("sources", pa.int64(), nullable=False),
        pa.field("dir_names", pa.string(), nullable=False),  # of the sources, joined by "|", most images first
    ]
)


def class_table(labelling: Labelling) -> pa.Table:
    """Assign labels; return one row per potential label.

    Schema ``CLASS_TABLE``, sorted by category and label.
    """
    sources = encode(labelling.annotations["dir_name"])
    rows = [_class_row(labelling, step, sources) for step in labelling.steps()]
    rows.sort(key=lambda row: (CATEGORIES.index(str(row["category"])), str(row["label"])))
    return pa.Table.from_pylist(rows, CLASS_TABLE)


def _class_row(labelling: Labelling, step: Step, sources: Column) -> dict[str, object]:
    counts = np.bincount(sources.codes[step.taken], minlength=len(sources.values))
    by_count = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], code))
    row: dict[str, object] = {
        "label": step.label.name,
        "category": step.label.category,
        "rows": step.label.rows,
        "free": len(step.free),
        "taken": len(step.taken),
        "crops": labelling.recipe.crops_wanted(len(step.taken)) if len(step.taken) else 0,
        "sources": len(by_count),
        "dir_names": TOKEN_SEPARATOR.join(str(sources.values[code]) for code in by_count),
    }
    if step.drawn:
        columns = [labelling.columns[name] for name in step.strata]
        row["strata"] = int(strata_of(step.pool, columns).max()) + 1
        row["strata_covered"] = int(strata_of(step.taken, columns).max()) + 1
    return row


def class_csv(table: pa.Table) -> bytes:
    """Return a table as UTF-8 CSV with a header.

    A null is an empty field.
    """
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer, pyarrow.csv.WriteOptions(quoting_style="needed"))
    return buffer.getvalue()


def describe_classes(table: pa.Table) -> str:
    """Summarise the class table as text.

    The classes, the labels that got no images, and totals by category.
    """
    rows = table.to_pylist()
    header = ("label", "category", "rows", "taken", "strata", "sources")
    classes = [
        (row["label"], row["category"], row["rows"], row["taken"], _strata(row), _sources(row))
        for row in rows
        if row["taken"]
    ]
    skipped = [(row["label"], row["category"], row["rows"], row["free"]) for row in rows if not row["taken"]]
    parts = [text_table(header, classes)]
    if skipped:
        parts.append("Too few images left by earlier labels:")
        parts.append(text_table(("label", "category", "rows", "left"), skipped))
    totals = [(name, *_totals([row for row in rows if row["category"] == name])) for name in CATEGORIES]
    parts.append(text_table(("category", "classes", "images"), [*totals, ("all", *_totals(rows))]))
    return "\n\n".join(parts)


def _totals(rows: list[dict[str, int]]) -> tuple[int, int]:
    return sum(row["taken"] > 0 for row in rows), sum(row["taken"] for row in rows)


def _strata(row: dict[str, int]) -> str:
    return "all" if row["strata"] is None else f"{row['strata_covered']:,} of {row['strata']:,}"


def _sources(row: dict[str, str]) -> str:
    return f"{row['sources']}: " + ", ".join(row["dir_names"].split(TOKEN_SEPARATOR))
