"""Tables of the documentation, made from the code: a hook of MkDocs puts each in the place of its marker."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Final

from builder.inspect.catalog import catalog
from builder.recipe import Recipe

_STAGES: Final = {
    "all": "every draw",
    "label": "labels",
    "standardize": "pixels",
    "select": "which images stay, split, shards",
    "shard": "how shards are written",
    "finish": "what the package says of itself",
    "none": "nothing of the package",
}


def sources() -> str:
    """Return a Markdown table with one row per source: facts of its module."""
    lines = [
        "| source | database | name | images | download | licence | labels |",
        "| --- | --- | --- | ---: | ---: | --- | --- |",
    ]
    for row in catalog():
        images = "" if row["images"] is None else f"{row['images']:,}"
        labels = ", ".join(row["labels"])
        licence = (
            f"[{row['license']['id']}]({row['license']['url']})" if row["license"]["url"] else row["license"]["id"]
        )
        cells = (
            f"`{row['dir_name']}`",
            row["database"],
            f"[{row['name']}]({row['url']})",
            images,
            _size(row["download_bytes"]),
            licence,
            labels,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def specimens() -> str:
    """Return a Markdown table with one row per source: what its groups and batches are."""
    lines = ["| source | specimen | imaged more than once | batch | single object |", "| --- | --- | --- | --- | --- |"]
    for row in catalog():
        single = "yes" if row["single_object"] else ""
        lines.append(f"| `{row['dir_name']}` | {row['specimen']} | {row['repeats']} | {row['batch']} | {single} |")
    return "\n".join(lines)


def recipe() -> str:
    """Return a Markdown table with one row per key of the recipe: its default, its meaning, what it changes."""
    lines = ["| key | default | meaning | changes |", "| --- | --- | --- | --- |"]
    values = Recipe().as_dict()
    for field in dataclasses.fields(Recipe):
        meaning, stage = field.metadata["doc"], _STAGES[field.metadata["stage"]]
        lines.append(f"| `{field.name}` | `{json.dumps(values[field.name])}` | {meaning} | {stage} |")
    return "\n".join(lines)


_TABLES: Final[dict[str, Callable[[], str]]] = {
    "<!-- table: sources -->": sources,
    "<!-- table: specimens -->": specimens,
    "<!-- table: recipe -->": recipe,
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables in the place of their markers."""
    for marker, table in _TABLES.items():
        if marker in markdown:
            markdown = markdown.replace(marker, table())
    return markdown


def _size(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
