"""Columns of images that lie apart: many arrays of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa


def holds_bytes(kind: pa.DataType) -> bool:
    """Return whether a type is or contains bytes.

    Of a package's columns only the image's is.
    """
    if pa.types.is_struct(kind):
        return any(pa.types.is_binary(field.type) for field in kind)
    return bool(pa.types.is_binary(kind))


def with_bytes(column: pa.ChunkedArray, images: Iterable[pa.Array]) -> pa.ChunkedArray:
    """Return a column with these images as its bytes.

    Parameters
    ----------
    images : of each row, an array of one
    """
    if pa.types.is_struct(column.type):
        images = _structs(column.combine_chunks(), images)
    return pa.chunked_array(list(images), column.type)


def _structs(column: pa.StructArray, images: Iterable[pa.Array]) -> Iterator[pa.Array]:
    fields = list(column.type)
    others = [None if pa.types.is_binary(field.type) else column.field(n) for n, field in enumerate(fields)]
    for row, image in enumerate(images):
        parts = [image if other is None else other.slice(row, 1) for other in others]
        yield pa.StructArray.from_arrays(parts, fields=fields)
