"""`cytoimagenet diff`: how classes and their images changed between builds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.inspect.text_table import text_table

_MOST = 40


class Difference(NamedTuple):
    """From build A to build B."""

    classes: pa.Table  # label, category, images_a, images_b, stayed: of every class of A or B, by label; 0: no class
    moves: pa.Table  # label_a, label_b, images: images with another label, most first; null: without a label
    examples: dict[str, int] | None  # in both, only in A, only in B, in another split; where both have a selection


def compare(
    assignments_a: pa.Table,
    assignments_b: pa.Table,
    selection_a: pa.Table | None = None,
    selection_b: pa.Table | None = None,
) -> Difference:
    """Compare two label assignments and, if given, two selections.

    Their schemas are ``ASSIGNMENTS`` and ``SELECTION``.
    """
    examples = None
    if selection_a is not None and selection_b is not None:
        examples = _examples(selection_a, selection_b)
    labels_a, labels_b = _side_by_side(assignments_a, assignments_b)
    pairs = pa.table({"label_a": labels_a, "label_b": labels_b})
    counts = (
        pairs.group_by(["label_a", "label_b"])
        .aggregate([([], "count_all")])
        .rename_columns(["label_a", "label_b", "images"])
    )
    category = dict(zip(*_columns(assignments_a, "label", "category"), strict=True))
    category |= dict(zip(*_columns(assignments_b, "label", "category"), strict=True))
    rows = counts.to_pylist()
    classes = {
        name: {"label": name, "category": category[name], **dict.fromkeys(_COUNTS, 0)} for name in sorted(category)
    }
    for row in rows:
        if row["label_a"] is not None:
            classes[row["label_a"]]["images_a"] += row["images"]
        if row["label_b"] is not None:
            classes[row["label_b"]]["images_b"] += row["images"]
        if row["label_a"] == row["label_b"]:
            classes[row["label_a"]]["stayed"] += row["images"]
    moves = [row for row in rows if row["label_a"] != row["label_b"]]
    moves.sort(key=lambda row: (-row["images"], row["label_a"] or "", row["label_b"] or ""))
    return Difference(
        pa.Table.from_pylist(list(classes.values()), _CLASSES), pa.Table.from_pylist(moves, _MOVES), examples
    )


_COUNTS = ("images_a", "images_b", "stayed")
_CLASSES = pa.schema([("label", pa.string()), ("category", pa.string()), *[(name, pa.int64()) for name in _COUNTS]])
_MOVES = pa.schema([("label_a", pa.string()), ("label_b", pa.string()), ("images", pa.int64())])


def describe(difference: Difference) -> str:
    """Return the difference as text, the largest changes first."""
    rows = difference.classes.to_pylist()
    won = [(row["label"], row["category"], row["images_b"]) for row in rows if not row["images_a"]]
    lost = [(row["label"], row["category"], row["images_a"]) for row in rows if not row["images_b"]]
    both = [row for row in rows if row["images_a"] and row["images_b"]]
    changed = [row for row in both if not row["images_a"] == row["images_b"] == row["stayed"]]
    changed.sort(key=lambda row: (2 * row["stayed"] - row["images_a"] - row["images_b"], row["label"]))
    sizes = [(row["label"], row["category"], *(row[name] for name in _COUNTS)) for row in changed]
    moves = [(row["label_a"], row["label_b"], row["images"]) for row in difference.moves.to_pylist()]
    parts = [
        f"{len(won):,} classes won, {len(lost):,} lost, {len(changed):,} changed, "
        f"{len(both) - len(changed):,} as before"
    ]
    parts += _listed("Won", ("label", "category", "images"), won)
    parts += _listed("Lost", ("label", "category", "images"), lost)
    parts += _listed("Changed", ("label", "category", "images in A", "in B", "in both"), sizes)
    parts += _listed("Images with another label (-: none)", ("from", "to", "images"), moves)
    if difference.examples is not None:
        facts = ", ".join(f"{count:,} {name}" for name, count in difference.examples.items())
        parts.append(f"Examples: {facts}")
    return "\n\n".join(parts)


def _listed(title: str, header: tuple[str, ...], rows: Sequence[Sequence[object]]) -> list[str]:
    if not rows:
        return []
    more = f"\n  … and {len(rows) - _MOST:,} more" if len(rows) > _MOST else ""
    return [f"{title}:\n" + text_table(header, rows[:_MOST], "  ") + more]


def _side_by_side(a: pa.Table, b: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return labels in A and B, aligned by image.

    Every image that has a label in either is there.
    """
    b_of_a = pc.index_in(a["idx"], value_set=b["idx"].combine_chunks())
    only_b = b.filter(pc.invert(pc.is_in(b["idx"], value_set=a["idx"].combine_chunks())))
    labels_a = [*a["label"].chunks, pa.nulls(only_b.num_rows, pa.string())]
    labels_b = [*b["label"].take(b_of_a).chunks, *only_b["label"].chunks]
    return pa.chunked_array(labels_a, pa.string()), pa.chunked_array(labels_b, pa.string())


def _examples(a: pa.Table, b: pa.Table) -> dict[str, int]:
    """Compare examples: the same pixels, whatever they are called."""
    in_b = pc.index_in(a["pixels_sha256"], value_set=b["pixels_sha256"].combine_chunks())
    shared = np.flatnonzero(in_b.is_valid().to_numpy())
    splits: npt.NDArray[np.bool_] = pc.not_equal(a["split"].take(shared), b["split"].take(in_b.drop_null())).to_numpy()
    return {
        "in both": len(shared),
        "only in A": a.num_rows - len(shared),
        "only in B": b.num_rows - len(shared),
        "in another split": int(splits.sum()),
    }


def _columns(table: pa.Table, *names: str) -> list[list[str]]:
    return [table[name].to_pylist() for name in names]
