"""A row group's images are those that pyarrow reads.

Whether they are read here or left to pyarrow.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoimagenet_reader.parquet_checks import open_parquet
from cytoimagenet_reader.parquet_pages import plain_places

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def written(images: list[Any], kind: pa.DataType = IMAGE, nullable: bool = True, **options: Any) -> bytes:
    """Return a Parquet file of images and a number each."""
    schema = pa.schema([pa.field("image", kind, nullable), ("n", pa.int64())])
    table = pa.table([pa.array(images, kind), pa.array(range(len(images)))], schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


PLAIN: dict[str, Any] = {"compression": "none", "use_dictionary": False, "store_schema": True}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=300),
    st.sampled_from([1 << 20, 512, 64]),
    st.integers(1, 200),
)
def test_plain_images_are_what_was_written(texts: list[bytes], page: int, group: int) -> None:
    images = [{"bytes": text, "path": str(n)} for n, text in enumerate(texts)]
    content = written(images, data_page_size=page, write_batch_size=7, row_group_size=group, **PLAIN)
    source = pa.BufferReader(content)
    with open_parquet(source) as file:
        tables = [file.read([number]) for number in range(len(file.rows))]
        views = [file.read([number], in_place=True) for number in range(len(file.rows))]
        places = [place for chunk in file.image_chunks() for place in plain_places(source, chunk) or ()]
    assert pa.concat_tables(tables)["image"].to_pylist() == images
    assert [content[begin:end] for begin, end in places] == texts  # none was left to pyarrow
    assert [row for table in views for row in table["image"].to_pylist()] == images
    for table in views:
        kind = table.schema.field("image").type.field(0).type
        short = any(len(image["bytes"]) <= 12 for image in table["image"].to_pylist())
        assert kind == (pa.binary() if short else pa.binary_view())


@pytest.mark.parametrize("options", [{"compression": "zstd"}, {"use_dictionary": True}, {"nullable": False}])
def test_others_are_left_to_pyarrow(options: dict[str, Any]) -> None:
    images = [{"bytes": bytes([n]) * 40, "path": None} for n in range(30)]
    with open_parquet(pa.BufferReader(written(images, **PLAIN | options))) as file:
        assert file.read([0], ["image"])["image"].to_pylist() == images


def test_nulls_are_left_to_pyarrow() -> None:
    images = [{"bytes": b"x", "path": "a"}, None, {"bytes": None, "path": "b"}]
    with open_parquet(pa.BufferReader(written(images, **PLAIN))) as file:
        assert file.read([0])["image"].to_pylist() == images


def test_a_length_that_leads_out_of_its_page_is_named() -> None:
    images = [{"bytes": b"a" * 50, "path": "p"}, {"bytes": b"b" * 50, "path": "q"}]
    content = bytearray(written(images, **PLAIN))
    at = content.index(np.uint32(50).tobytes() + b"a" * 50)
    content[at : at + 4] = np.uint32(5_000).tobytes()
    with open_parquet(pa.BufferReader(bytes(content))) as file, pytest.raises(ValueError, match="ends within a value"):
        file.read([0])
