"""Parquet footers, read without pyarrow.

The properties of pyarrow's metadata end the process on a malformed footer: a C++ exception leaves
``ColumnChunkMetaData`` and its kind uncaught, as of pyarrow 25. What opens and reads a file raises Python's exceptions.
Layout: https://parquet.apache.org/docs/file-format/metadata/ and ``parquet.thrift``.
"""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

import pyarrow as pa

from cytoimagenet_reader.thrift import Compact

TAIL: Final = 1 << 16  # bytes that are fetched at once to find the footer, as pyarrow does
_MOST: Final = 1 << 24  # bytes of a footer; a package's shard has 0.5 MB
_WRITER: Final = b"parquet-cpp-arrow"


class Chunk(NamedTuple):
    """A column of a row group."""

    column: str  # the first part of its path
    codec: int
    values: int
    begin: int  # where its bytes lie
    end: int
    text: bool  # BYTE_ARRAY
    width: int  # bytes of a value of fixed length that is no number; else 0


class Group(NamedTuple):
    """A row group."""

    rows: int
    chunks: list[Chunk]


def footer_size(source: pa.NativeFile) -> int:
    """Return the size of the footer in bytes.

    Raises
    ------
    ValueError
        Where there is none.
    """
    size = source.size()
    last = source.read_at(8, max(size - 8, 0))
    found = int.from_bytes(last[:4], "little") + 8
    if last[4:] != b"PAR1" or found > min(size, _MOST):
        raise ValueError("the file has no footer, or a very large one")
    return found


def row_groups(source: pa.NativeFile) -> list[Group]:
    """Return the row groups that the footer lists.

    Raises
    ------
    ValueError
        Where the footer is malformed, was written by another program than Arrow, or states what cannot be.
    """
    size = footer_size(source)
    return _parsed(source.read_at(size - 8, source.size() - size))


@functools.lru_cache(16)  # a shard of seven categories and two streams: each is opened once for every part of it
def _parsed(data: bytes) -> list[Group]:
    try:
        footer = Compact(data).struct()
        if not footer[6].startswith(_WRITER):
            raise ValueError("the file was written by another program than a package's")
        leaves = [element for element in footer[2] if not element.get(5)]
        groups = [Group(group[3], _chunks(group[1], leaves)) for group in footer[4]]
    except (LookupError, TypeError, AttributeError, UnicodeDecodeError):
        raise ValueError("its footer is malformed") from None
    for group in groups:
        if any(chunk.values != group.rows for chunk in group.chunks) or not group.chunks:
            raise ValueError("its footer states a column of another length than its row group")
    return groups


def _chunks(chunks: list[dict[int, Any]], leaves: list[dict[int, Any]]) -> list[Chunk]:
    return [_chunk(chunk[3], leaf) for chunk, leaf in zip(chunks, leaves, strict=True)]


def _chunk(facts: dict[int, Any], leaf: dict[int, Any]) -> Chunk:
    begin, dictionary = facts[9], facts.get(11, 0)
    if 0 < dictionary < begin:
        begin = dictionary
    kind, width = facts[1], leaf.get(2, 0)
    numbers = (facts[4], facts[5], facts[7], begin, width, kind)
    if facts[1] != leaf[1] or not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("its footer is malformed")
    return Chunk(
        facts[3][0].decode(), facts[4], facts[5], begin, begin + facts[7], kind == 6, width if kind == 7 else 0
    )
