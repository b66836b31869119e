"""Checks on untrusted Arrow data.

pyarrow trusts offsets, so these are validated before a value is touched. ``RecordBatch.validate(full=True)`` looks at
every offset and every text, never at the images' bytes: 1.7 µs per example of all columns, where decoding its PNG takes
100 and more. Columns that nobody asked for are left out before.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

_IMAGE: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_RECORD_BATCH: Final = 3  # MessageHeader.RecordBatch
_SCHEMA: Final = 1


def check_schema(schema: pa.Schema) -> pa.Schema:
    """Return a data file's schema if its types are allowed.

    Raises
    ------
    ValueError
        For any other: a type of its own, a nested or a dictionary-encoded column.
    """
    if len(set(schema.names)) != len(schema):
        raise ValueError("two columns have one name")
    for field in schema:
        kind = field.type
        plain = pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_primitive(kind)
        if field.name == "label":
            plain = pa.types.is_string(kind)
        if field.name == "image":
            plain = kind.equals(_IMAGE)
        if not (plain or pa.types.is_fixed_size_binary(kind)):
            raise ValueError(f"column {field.name!a} has the type {kind}, which no column of a package has")
    return schema


def checked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches, each once it is validated.

    Its offsets and texts are then known to lie within it.

    Raises
    ------
    ValueError
        Where one is malformed.
    """
    for batch in batches:
        batch.validate(full=True)
        yield batch


def stream_batches(file: Any, columns: Sequence[str] | None = None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return an Arrow stream's schema and checked record batches.

    They are not copied where the stream is mapped or a buffer.

    Parameters
    ----------
    columns : of the record batches; None for all

    Raises
    ------
    ValueError, OSError
        Here or from the iterator: where the stream is malformed, compressed, or of other types than a package's, or has
        no such column.
    """
    messages = pa.ipc.MessageReader.open_stream(file)
    schema = _schema_of(messages)

    def batches() -> Iterator[pa.RecordBatch]:
        for message in messages:
            check_message(message.metadata.to_pybytes())
            yield _selected(pa.ipc.read_record_batch(message, schema), columns)

    return schema, checked(batches())


def _schema_of(messages: pa.ipc.MessageReader) -> pa.Schema:
    try:
        message = messages.read_next_message()
    except StopIteration:
        raise ValueError("the stream ends too early") from None
    if message.type != "schema":  # pyarrow would read whatever it is as one, beyond its end
        raise ValueError(f"the stream begins with a message of type {message.type}, not with a schema")
    return _schema(message.serialize().to_pybytes())


@functools.lru_cache(maxsize=8)
def _schema(message: bytes) -> pa.Schema:
    """Return a message's checked schema, cached.

    The shards of a package have one.
    """
    return check_schema(pa.ipc.read_schema(pa.py_buffer(message)))


def _selected(batch: pa.RecordBatch, columns: Sequence[str] | None) -> pa.RecordBatch:
    try:
        return batch if columns is None else batch.select(columns)
    except KeyError:
        missing = sorted({*(columns or ())} - {*batch.schema.names})
        raise ValueError(f"it has no column {', '.join(missing)}") from None


def read_batch(message: pa.Buffer, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.RecordBatch:
    """Return the checked record batch of a stream message.

    ``columns`` and what is raised are as in ``stream_batches``.
    """
    found = pa.ipc.read_message(message)
    check_message(found.metadata.to_pybytes())
    [batch] = checked([_selected(pa.ipc.read_record_batch(found, schema), columns)])
    return batch


def batch_offsets(content: pa.Buffer) -> list[int]:
    """Return where each record batch begins, in bytes.

    The stream must have been checked before.
    """
    file = pa.BufferReader(content)
    messages = pa.ipc.MessageReader.open_stream(file)
    messages.read_next_message()
    found = []
    place = file.tell()
    for _ in messages:
        found.append(place)
        place = file.tell()
    return found


def check_messages(file: pa.NativeFile) -> pa.Schema:
    """Return the schema of a local Arrow stream.

    It must consist of plain record batches; their bodies are not looked at.

    Raises
    ------
    ValueError, OSError
        As ``stream_batches``, but for what ``checked`` finds.
    """
    messages = pa.ipc.MessageReader.open_stream(file)
    schema = _schema_of(messages)
    for message in messages:
        check_message(message.metadata.to_pybytes())
    file.seek(0)
    return schema


def check_message(header: bytes) -> tuple[int, int]:
    """Return (rows, body bytes) from a message header.

    The message is a schema or a plain record batch. A compressed body could be inflated to any size, and our shards
    have none; nor have they dictionaries. Layout: ``Message.fbs`` of Arrow's format; flatbuffers:
    https://flatbuffers.dev/internals/.

    Raises
    ------
    ValueError
        For any other message, and for a malformed header.
    """
    try:
        root = struct.unpack_from("<I", header)[0]
        kind, content, body = (_slot(header, root, number) for number in (1, 2, 3))
        what = header[kind] if kind is not None else 0
        size = struct.unpack_from("<q", header, body)[0] if body is not None else 0
        if what == _SCHEMA or content is None:
            return 0, _natural(size)
        if what != _RECORD_BATCH:
            raise ValueError("the stream holds a message that is no record batch")
        batch = content + struct.unpack_from("<I", header, content)[0]
        rows = _slot(header, batch, 0)
        if _slot(header, batch, 3) is not None:
            raise ValueError("the stream is compressed; no package's is")
        return _natural(struct.unpack_from("<q", header, rows)[0] if rows is not None else 0), _natural(size)
    except (struct.error, IndexError):
        raise ValueError("the stream is damaged: a message has no readable header") from None


def _slot(header: bytes, table: int, number: int) -> int | None:
    """Return where a flatbuffer field lies, None if absent."""
    vtable = table - struct.unpack_from("<i", header, table)[0]
    if vtable < 0:
        raise ValueError("the stream is damaged: a message has no readable header")
    if 4 + 2 * number >= struct.unpack_from("<H", header, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", header, vtable + 4 + 2 * number)[0]
    return table + offset if offset else None


def _natural(number: int) -> int:
    if number < 0:
        raise ValueError("the stream is damaged: a message states a negative length")
    return number
