"""Makes one part of released images: a plain 8-bit grey PNG is kept byte for byte, once its pixels could be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from builder.engine.store import Store
from builder.errors import RejectedError
from builder.pixels import quality, standardize
from builder.pixels.read import read
from builder.recipe import Recipe
from builder.stages.standardize.item import Item, made_from
from builder.stages.standardize.make_part import rejected_row
from builder.stages.standardize.parts import write_part
from cytoimagenet_reader.png import encoder

_GREY_HEADER: Final = b"\x08\x00"  # bit depth, colour type: https://www.w3.org/TR/png-3/#11IHDR
_END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
_READ_AT_ONCE: Final = 32


def read_part(release: Store, work: Store, recipe: Recipe, fingerprint: str, items: Sequence[Item]) -> int:
    """Make one part of released examples; return how many could be read."""
    rows: list[dict[str, Any]] = []
    examples: list[bytes] = []
    for start in range(0, len(items), _READ_AT_ONCE):
        some = items[start : start + _READ_AT_ONCE]
        for item, content in zip(some, _contents(release, [item.idx for item in some]), strict=True):
            row = rejected_row(item, "", "")
            try:
                kept, facts, note = read_published_image(content, recipe)
            except RejectedError as refused:
                rows.append({**row, "reason": refused.reason, "detail": refused.detail or None})
                continue
            found = {"bytes": len(kept), "row": len(examples), "reason": None, "detail": note}
            rows.append({**row, **facts, **found})
            examples.append(kept)
    write_part(work, fingerprint, items[0].dir_name, map(made_from, items), rows, examples)
    return len(examples)


def read_published_image(content: bytes | OSError, recipe: Recipe) -> tuple[bytes, dict[str, Any], str | None]:
    """Return the PNG that the package holds for a released file, its ``schema.STATISTICS``, and what was changed.

    Raises
    ------
    RejectedError
        Where the file cannot be read, or is no 8-bit grey example and cannot be made one.
    """
    if isinstance(content, OSError):
        raise RejectedError("unreadable", f"{type(content).__name__}: {content.strerror or 'cannot be read'}")
    pixels = read(content, max_pixels=recipe.max_pixels)
    note = None
    if content[24:26] != _GREY_HEADER or not content.startswith(b"\x89PNG") or not content.endswith(_END):
        note = f"was no plain 8-bit grey PNG ({pixels.dtype}, {pixels.ndim} axes), written anew"
        if pixels.ndim != 2 or pixels.dtype != np.uint8:
            pixels = standardize([pixels])
        content = encoder.encode(pixels)
    return content, quality.statistics(pixels, quality.histogram(pixels), recipe), note


def _contents(release: Store, files: list[str]) -> Iterator[bytes | OSError]:
    """Yield the content of each file, or why it could not be had; remote reads overlap."""
    try:
        found = release.read_many(files)
    except OSError:
        found = {}  # one of them: read singly below
    for file in files:
        try:
            yield found[file] if file in found else release.read_bytes(file)
        except OSError as error:
            yield error
