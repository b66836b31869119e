"""Labels stored as numbers in Parquet shards.

The class list in the schema gives their names. A shard's schema carries the features as ``datasets`` writes them, under
``huggingface``: ``{"info": {"features": {"label": {"names": [...], "_type": "ClassLabel"}, ...}}}``, see
https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.Features.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa

FEATURES_KEY: Final = b"huggingface"
_LABEL: Final = "label"


def classes_of(schema: pa.Schema) -> list[str] | None:
    """Return the classes of a schema's numeric labels.

    None where its labels are texts, or it has none.

    Raises
    ------
    ValueError
        Where labels are numbers, and the schema does not say of which classes.
    """
    if _LABEL not in schema.names or not pa.types.is_int64(schema.field(_LABEL).type):
        return None
    try:
        stated: Any = json.loads((schema.metadata or {})[FEATURES_KEY])
        names = stated["info"]["features"][_LABEL]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its labels are numbers, and its schema does not say of which classes")
    return names


def spelled_schema(schema: pa.Schema, classes: list[str] | None) -> pa.Schema:
    """Return the schema of what ``spelled`` returns."""
    if classes is None or _LABEL not in schema.names:
        return schema
    return schema.set(schema.get_field_index(_LABEL), pa.field(_LABEL, pa.string(), nullable=False))


def spelled(table: pa.Table, classes: list[str] | None) -> pa.Table:
    """Return a table with class names instead of numbers.

    Raises
    ------
    ValueError
        Where a number has no class.
    """
    if classes is None or _LABEL not in table.schema.names:
        return table
    try:
        names = pa.array(classes, pa.string()).take(table[_LABEL].combine_chunks())
    except pa.ArrowIndexError as error:
        raise ValueError(f"a label is the number of no class: {error}") from None
    schema = spelled_schema(table.schema, classes)
    return table.set_column(schema.get_field_index(_LABEL), schema.field(_LABEL), names)
