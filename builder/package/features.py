"""The card's ``dataset_info``: each config's columns as ``datasets`` features.

Written as ``Features`` of ``datasets`` writes them, see
https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.Features.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from builder.schema import EXAMPLES, METADATA, with_extras
from cytoimagenet_reader.class_labels import FEATURES_KEY
from cytoimagenet_reader.layout import METADATA_CONFIG

_DTYPES: Final = {
    pa.string(): "string",
    pa.bool_(): "bool",
    pa.float64(): "float64",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.uint64(): "uint64",
    pa.binary(32): "fixed_size_binary[32]",
}


def schema_of(config: str, extras: Sequence[pa.Field] = ()) -> pa.Schema:
    """Return the Arrow schema of a config's files."""
    return with_extras(METADATA if config == METADATA_CONFIG else EXAMPLES, extras)


def shard_schema(file_format: str, classes: Sequence[str], extras: Sequence[pa.Field] = ()) -> pa.Schema:
    """Return the schema of a shard as it is written.

    In Parquet ``label`` is the class's number among ``classes``, those of ``full``: viewers and engines that read the
    files do not look at the card. In Arrow it is the class's name. Either has the features of ``datasets`` with it.
    """
    schema = with_extras(EXAMPLES, extras)
    if file_format == "parquet":
        schema = schema.set(schema.get_field_index("label"), pa.field("label", pa.int64()))
    return with_features(schema, classes)


def with_features(schema: pa.Schema, classes: Sequence[str] = ()) -> pa.Schema:
    """Return a schema with ``datasets`` features in its metadata."""
    features = {field.name: _as_feature(field, classes) for field in schema}
    text = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    return schema.with_metadata({FEATURES_KEY: text.encode()})


def _as_feature(field: pa.Field, classes: Sequence[str]) -> dict[str, Any]:
    if field.name == "image":
        return {"_type": "Image"}
    if field.name == "label" and pa.types.is_int64(field.type):
        return {"names": list(classes), "_type": "ClassLabel"}
    return {"dtype": _DTYPES[field.type], "_type": "Value"}


def features_of(config: str, names: Sequence[str], extras: Sequence[pa.Field] = ()) -> list[dict[str, Any]]:
    """Return a config's features as plain YAML values.

    A ClassLabel over ``names`` makes an integer of ``label`` when it is read, where the files hold a string; where
    they hold integers, ``names`` must be the classes of ``full``, which they count. In ``metadata`` it stays a string:
    that config is for looking.
    """
    return [_feature(field, config, names) for field in schema_of(config, extras)]


def _feature(field: pa.Field, config: str, names: Sequence[str]) -> dict[str, Any]:
    if field.name == "image":
        return {"name": field.name, "dtype": "image"}
    if field.name == "label" and config != METADATA_CONFIG:
        label = {"class_label": {"names": {str(number): name for number, name in enumerate(names)}}}
        return {"name": field.name, "dtype": label}
    return {"name": field.name, "dtype": _DTYPES[field.type]}
