"""Class numbers in Parquet are read as names.

The names are in the list that the shard itself carries.
"""

from __future__ import annotations

import io
import json
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.package.features import shard_schema, with_features
from builder.package.tables import TABLE
from builder.schema import EXAMPLES, METADATA
from cytoimagenet_reader.parquet_checks import open_parquet

CLASSES = ["b", "a", "c"]


def written(labels: list[int], metadata: dict[str, str] | None) -> pa.BufferReader:
    table = pa.table({"label": pa.array(labels, pa.int64()), "idx": pa.array([str(n) for n in labels])})
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), sink)
    return pa.BufferReader(sink.getvalue())


def stated(names: Any) -> dict[str, str]:
    return {"huggingface": json.dumps({"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}})}


def test_numbers_are_read_as_names() -> None:
    with open_parquet(written([2, 0, 0, 1], stated(CLASSES))) as file:
        assert file.schema.field("label") == EXAMPLES.field("label")
        table = file.read([0])
        assert table.schema.field("label") == EXAMPLES.field("label")
        assert table["label"].to_pylist() == ["c", "b", "b", "a"]
        assert file.read([0], ["idx"]).column_names == ["idx"]


@pytest.mark.parametrize("label", [3, -1, 1 << 40])
def test_a_number_of_no_class(label: int) -> None:
    with open_parquet(written([0, label], stated(CLASSES))) as file, pytest.raises(ValueError, match="no class"):
        file.read([0])


@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"huggingface": "{"}, {"huggingface": "[]"}, stated(None), stated("abc"), stated([1, 2]), stated({})],
)
def test_numbers_without_classes(metadata: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match="does not say of which classes"), open_parquet(written([0], metadata)):
        pass


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_datasets_finds_the_features_in_a_shard(file_format: str) -> None:
    schema = shard_schema(file_format, CLASSES)
    features = datasets.Features.from_arrow_schema(schema)
    label = datasets.ClassLabel(names=CLASSES) if file_format == "parquet" else datasets.Value("string")
    others = datasets.Features.from_arrow_schema(METADATA)
    assert features == datasets.Features({"image": datasets.Image(), **others, "label": label})
    assert list(features) == EXAMPLES.names


@pytest.mark.parametrize("schema", [METADATA, TABLE])
def test_the_features_of_a_table_are_those_of_its_columns(schema: pa.Schema) -> None:
    found = with_features(schema)
    written_features = json.loads(found.metadata[b"huggingface"])["info"]["features"]
    assert datasets.Features.from_dict(written_features) == datasets.Features.from_arrow_schema(schema)
    assert found.remove_metadata() == schema
