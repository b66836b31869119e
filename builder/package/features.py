"""The columns of each config in the words of ``datasets``: the ``dataset_info`` of a card's YAML.

Written as ``Features`` of ``datasets`` writes them, see
https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.Features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from builder.schema import EXAMPLES, METADATA
from cytoimagenet_reader.layout import METADATA_CONFIG

_DTYPES: Final = {
    pa.string(): "string",
    pa.bool_(): "bool",
    pa.float64(): "float64",
    pa.int32(): "int32",
}


def schema_of(config: str) -> pa.Schema:
    """Return the Arrow schema of a config's files."""
    return METADATA if config == METADATA_CONFIG else EXAMPLES


def features_of(config: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a config's features as plain YAML values.

    The files hold ``label`` as a string; a ClassLabel over ``names`` makes it that config's integer when it is read.
    In ``metadata`` it stays a string: that config is for looking.
    """
    return [_feature(field, config, names) for field in schema_of(config)]


def _feature(field: pa.Field, config: str, names: Sequence[str]) -> dict[str, Any]:
    if field.name == "image":
        return {"name": field.name, "dtype": "image"}
    if field.name == "label" and config != METADATA_CONFIG:
        label = {"class_label": {"names": {str(number): name for number, name in enumerate(names)}}}
        return {"name": field.name, "dtype": label}
    return {"name": field.name, "dtype": _DTYPES[field.type]}
