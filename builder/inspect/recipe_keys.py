"""The recipe's keys with their meaning, as facts or TOML."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from builder.recipe import Recipe


def recipe_keys(recipe: Recipe) -> list[dict[str, Any]]:
    """Describe every field of a recipe, in stage order.

    Key, value, default, stage and meaning of each.
    """
    usual, values = Recipe().as_dict(), recipe.as_dict()
    return [
        {
            "key": field.name,
            "value": values[field.name],
            "default": usual[field.name],
            "stage": field.metadata["stage"],
            "meaning": field.metadata["doc"],
        }
        for field in dataclasses.fields(recipe)
    ]


def recipe_toml(keys: Sequence[dict[str, Any]]) -> str:
    """Return the keys as a TOML file, defaults commented out."""
    lines: list[str] = []
    stage = None
    for entry in keys:
        if entry["stage"] != stage:
            stage = entry["stage"]
            lines += ["", f"# --- changes the results of: {stage} ---"]
        changed = entry["value"] != entry["default"]
        lines.append(f"# {entry['meaning']}" + (f" (default {toml_value(entry['default'])})" if changed else ""))
        lines.append(f"{'' if changed else '# '}{entry['key']} = {toml_value(entry['value'])}")
    return "\n".join(lines[1:])


def toml_value(value: Any) -> str:
    """Return a plain value in TOML.

    Its strings, numbers and lists are written as in JSON.
    """
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
