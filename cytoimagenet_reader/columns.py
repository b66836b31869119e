"""Columns of all shards, as the manifest states them.

They are then known without a request to a shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict

import pyarrow as pa

from cytoimagenet_reader.arrow_checks import check_schema

_TYPES: Final = {
    str(kind): kind
    for kind in (
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        pa.string(),
        pa.bool_(),
        pa.int32(),
        pa.int64(),
        pa.uint64(),
        pa.float64(),
        pa.binary(32),
    )
}
"""By their names in Arrow."""


class Column(TypedDict):
    """A column's name, Arrow type, and whether nulls are allowed."""

    name: str
    type: str
    nullable: bool


def columns_of(schema: pa.Schema) -> list[Column]:
    """Return what a manifest states of a schema."""
    return [Column(name=field.name, type=str(field.type), nullable=field.nullable) for field in schema]


def stated_schema(columns: Sequence[Column] | None) -> pa.Schema | None:
    """Return the schema that a manifest states.

    None where it states none, or a type is unknown here, as in a package of a later version: a shard then tells.

    Raises
    ------
    ValueError
        Where no shard may have it.
    """
    if columns is None or not all(column["type"] in _TYPES for column in columns):
        return None
    return check_schema(pa.schema([pa.field(c["name"], _TYPES[c["type"]], nullable=c["nullable"]) for c in columns]))


def same_columns(schema: pa.Schema, known: pa.Schema | None) -> pa.Schema:
    """Return a shard's schema if it is the known one.

    Raises
    ------
    ValueError
        Where it is another.
    """
    if known is not None and not schema.equals(known):
        raise ValueError("its columns are not those of the package")
    return schema
