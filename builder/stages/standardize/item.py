"""One image to standardise."""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """One image to standardise: where its channels lie, and how many crops are wanted of it."""

    idx: str
    dir_name: str
    files: tuple[str, ...]
    planes: tuple[int, ...]
    region: tuple[int, int, int, int] | None
    crops: int
    file_signature: int
    size: tuple[int, int] | None = None  # width and height that a table states


def made_from(item: Item) -> tuple[str, int, int]:
    """Return what an image's candidates depend on beside the recipe: who it is, its crops, the state of its files."""
    return item.idx, item.crops, item.file_signature
