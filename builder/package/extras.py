"""Columns that sources add, as the manifest states them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from builder.schema import EXTRA_TYPES
from builder.sources.base import Source


def extra_facts(extras: Sequence[pa.Field], sources: Iterable[Source]) -> dict[str, dict[str, Any]]:
    """Return type, unit, description and sources of each column.

    Unit and description are those of the first source that states them.
    """
    used = sorted(sources, key=lambda source: source.dir_name)
    kinds = {kind: name for name, kind in EXTRA_TYPES.items()}
    facts = {}
    for field in extras:
        stated = [source.extra[field.name] for source in used if field.name in source.extra]
        facts[field.name] = {
            "type": kinds[field.type],
            "unit": next((one.unit for one in stated if one.unit), ""),
            "description": next((one.description for one in stated if one.description), ""),
            "sources": [source.dir_name for source in used if field.name in source.extra],
        }
    return facts


def extras_of(manifest: Mapping[str, Any]) -> list[pa.Field]:
    """Return the added columns that a manifest states."""
    return [pa.field(name, EXTRA_TYPES[facts["type"]]) for name, facts in manifest.get("extra", {}).items()]
