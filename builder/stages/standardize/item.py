"""One image to standardise."""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """One image to standardise: its channels and wanted crop count."""

    idx: str
    dir_name: str
    files: tuple[str, ...]
    planes: tuple[int, ...]
    region: tuple[int, int, int, int] | None
    crops: int
    file_signature: int
    size: tuple[int, int] | None = None  # width and height that a table states


def made_from(item: Item) -> tuple[str, int, int]:
    """Return what an image's candidates depend on besides the recipe.

    That is its idx, crops and file signature.
    """
    return item.idx, item.crops, item.file_signature
