"""Columns as a manifest states them.

Any package's are read back; what no shard may have is refused.
"""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from builder.schema import EXAMPLES, EXTRA_TYPES, with_extras
from cytoimagenet_reader.columns import columns_of, same_columns, stated_schema


def test_the_columns_of_every_package_come_back() -> None:
    extras = [pa.field(f"own_{name}", kind) for name, kind in EXTRA_TYPES.items()]
    schema = with_extras(EXAMPLES, extras)
    assert stated_schema(json.loads(json.dumps(columns_of(schema)))) == schema


def test_an_unknown_type_is_left_to_the_shards() -> None:
    assert stated_schema(columns_of(pa.schema([("day", pa.date32())]))) is None
    assert stated_schema(None) is None


@pytest.mark.parametrize("schema", [pa.schema([("label", pa.int64())]), pa.schema([("a", pa.int32())] * 2)])
def test_what_no_shard_may_have_is_refused(schema: pa.Schema) -> None:
    with pytest.raises(ValueError, match="column"):
        stated_schema(columns_of(schema))


def test_a_shard_of_other_columns_is_refused() -> None:
    assert same_columns(EXAMPLES, None) is same_columns(EXAMPLES, EXAMPLES) is EXAMPLES
    with pytest.raises(ValueError, match="its columns are not those of the package"):
        same_columns(EXAMPLES.remove(1), EXAMPLES)
