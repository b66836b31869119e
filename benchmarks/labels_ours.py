"""The work of `benchmarks.labels`, as the pipeline does it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from builder.engine.store import Store
from builder.recipe import Recipe
from builder.stages.label.assign import assign_labels, columns_needed
from builder.stages.tables import read_columns


def assign(paths: Sequence[Path]) -> dict[str, object]:
    recipe = Recipe()
    columns = columns_needed(recipe)
    annotations = pa.concat_tables([read_columns(Store(path.parent), path.name, columns) for path in paths])
    found = assign_labels(annotations, recipe)
    digest = hashlib.sha256()
    for column in found.select(["idx", "label"]).columns:
        for chunk in column.chunks:
            digest.update(chunk.buffers()[2])
    return {"classes": len(found["label"].unique()), "images": found.num_rows, "digest": digest.hexdigest()[:16]}
