"""Malformed Arrow streams raise ValueError before values are touched."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pytest

from cytoimagenet_reader.arrow_checks import (
    batch_offsets,
    check_message,
    check_schema,
    checked,
    read_batch,
    stream_batches,
)

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema([("image", IMAGE), ("label", pa.string()), ("crop", pa.bool_()), ("scaling", pa.float64())])
FACTS = {"crop": True, "scaling": 1.0}
ROWS = [
    {"image": {"bytes": bytes([n]) * (n + 1), "path": f"{n}.png"}, "label": f"class {n % 3}", **FACTS}
    for n in range(20)
]


def stream(compression: str | None = None, schema: pa.Schema = SCHEMA) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        writer.write_table(pa.Table.from_pylist(ROWS, SCHEMA).cast(schema), max_chunksize=5)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def test_a_whole_stream_is_read_as_pyarrow_reads_it() -> None:
    schema, batches = stream_batches(pa.py_buffer(stream()))
    assert schema.equals(SCHEMA)
    assert pa.Table.from_batches(list(batches)).to_pylist() == ROWS


def test_columns_that_are_not_asked_for_are_left_out_unlooked_at() -> None:
    content = bytearray(stream())
    at = content.find(b"class 1")
    content[at : at + 7] = b"\xff" * 7  # no UTF-8
    with pytest.raises(ValueError, match="UTF8"):
        list(stream_batches(pa.py_buffer(bytes(content)))[1])
    wanted = [{"crop": row["crop"], "image": row["image"]} for row in ROWS]
    _, batches = stream_batches(pa.py_buffer(bytes(content)), ["crop", "image"])
    assert pa.Table.from_batches(list(batches)).to_pylist() == wanted
    first = batch_offsets(pa.py_buffer(stream()))[0]
    assert read_batch(pa.py_buffer(stream())[first:], SCHEMA, ["crop"]).to_pylist() == [{"crop": True}] * 5
    with pytest.raises(ValueError, match="it has no column idx, path"):
        list(stream_batches(pa.py_buffer(stream()), ["path", "idx", "crop"])[1])


def test_a_stream_that_begins_with_a_record_batch_is_refused() -> None:
    content = stream()
    first = batch_offsets(pa.py_buffer(content))[0]
    with pytest.raises(ValueError, match="begins with a message of type record batch, not with a schema"):
        stream_batches(pa.py_buffer(content[first:]))


@pytest.mark.parametrize("column", ["label", "image.bytes", "image.path"])
@pytest.mark.parametrize("odd", [-1, 1 << 20, -(1 << 31), (1 << 31) - 1])
def test_every_wrong_offset_is_found(column: str, odd: int) -> None:
    content = bytearray(stream())
    with pa.ipc.open_stream(bytes(content)) as reader:
        batch = next(iter(reader))
    name, _, part = column.partition(".")
    values = batch.column(name).field(part) if part else batch.column(name)
    offsets = np.frombuffer(values.buffers()[1], np.int32)
    at = bytes(content).find(offsets.tobytes())
    assert at > 0
    for number in range(1, len(values) + 1):
        harmed = bytearray(content)
        struct.pack_into("<i", harmed, at + 4 * number, odd)
        with pytest.raises(ValueError, match=r"(?i)offset"):
            list(stream_batches(pa.py_buffer(bytes(harmed)))[1])


def test_batches_are_read_from_where_they_begin() -> None:
    content = pa.py_buffer(stream())
    offsets = batch_offsets(content)
    assert len(offsets) == 4
    batches = [read_batch(content[start:], SCHEMA) for start in offsets]
    assert pa.Table.from_batches(batches).to_pylist() == ROWS
    with pytest.raises(ValueError, match="compressed"):
        read_batch(pa.py_buffer(stream("zstd"))[offsets[0] :], SCHEMA)
    with pytest.raises((ValueError, OSError)):
        read_batch(content[offsets[0] + 8 :], SCHEMA)


def test_texts_that_are_not_utf8_are_found() -> None:
    content = stream().replace(b"class 1", b"class\xff1")
    with pytest.raises(ValueError, match="UTF8"):
        list(stream_batches(pa.py_buffer(content))[1])


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_what_could_be_inflated_is_refused_unread(compression: str) -> None:
    with pytest.raises(ValueError, match="compressed"):
        list(stream_batches(pa.py_buffer(stream(compression)))[1])


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.list_(pa.string()), pa.dictionary(pa.int32(), pa.string()), pa.string_view(), pa.null()],
)
def test_types_that_no_package_has_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(ValueError, match="which no column of a package has"):
        check_schema(pa.schema([("label", kind)]))
    with pytest.raises(ValueError, match="which no column of a package has"):
        check_schema(pa.schema([("image", pa.struct([("bytes", kind), ("path", pa.string())]))]))


def test_an_empty_and_a_cut_stream_are_refused() -> None:
    for content in (b"", stream()[:4], stream()[:200], stream()[: len(stream()) // 2]):
        with pytest.raises((ValueError, OSError)):
            list(stream_batches(pa.py_buffer(content))[1])


@pytest.mark.parametrize("seed", range(200))
def test_any_header_gives_an_answer_or_a_valueerror(seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = stream()
    message = list(pa.ipc.MessageReader.open_stream(pa.py_buffer(content)))[1]
    header = bytearray(message.metadata.to_pybytes())
    assert check_message(bytes(header)) == (5, message.body.size)
    for _ in range(int(rng.integers(1, 6))):
        header[int(rng.integers(len(header)))] = int(rng.integers(256))
    try:
        rows, size = check_message(bytes(header[: int(rng.integers(len(header)))] if seed % 3 == 0 else header))
    except ValueError:
        return
    assert min(rows, size) >= 0


def test_offsets_that_go_back_are_found() -> None:
    offsets = pa.py_buffer(np.array([0, 5, 3], np.int32))
    bad = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"abcde")])
    with pytest.raises(ValueError, match="non-monotonic"):
        list(checked([pa.record_batch([bad], ["label"])]))
