"""One part of the released images.

A plain 8-bit grey PNG is kept byte for byte, once its pixels could be read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builder.engine.store import Store
from builder.errors import RejectedError, UnavailableError
from builder.pixels import quality, standardize
from builder.pixels.fingerprint import fingerprint as whole_fingerprint
from builder.pixels.read import read
from builder.recipe import Recipe
from builder.stages.standardize.fetch import Fetcher
from builder.stages.standardize.item import Item, made_from
from builder.stages.standardize.make_part import rejected_row
from builder.stages.standardize.not_tried import RUN_AGAIN
from builder.stages.standardize.parts import write_part
from cytoimagenet_reader.png import encoder
from cytoimagenet_reader.png.chunks import END, PngError, read_header

U8 = npt.NDArray[np.uint8]


def read_part(
    data: Store, work: Store, recipe: Recipe, fingerprint: str, skip_unreadable: bool, items: Sequence[Item]
) -> list[tuple[str, str]]:
    """Make one part; return unavailable examples as (idx, why).

    Those cannot be had now and are not in the part.

    Raises
    ------
    UnavailableError
        At the first such example, unless these are to be skipped.
    """
    rows: list[dict[str, Any]] = []
    examples: list[bytes] = []
    made: list[tuple[str, int, int]] = []
    not_tried: list[tuple[str, str]] = []
    names = [items[n].idx for n in range(len(items))]  # by number: see ChannelReader.read_all
    with contextlib.closing(Fetcher(data.url, data.options, recipe.max_pixels)) as fetcher:
        for index, item in enumerate(items):
            row = rejected_row(item, "", "")
            try:
                encoded = fetcher.fetch(names, index)
                assert isinstance(encoded, bytes)  # examples are single files
                try:
                    kept, pixels, note = read_published_image(encoded, recipe)
                except RejectedError:
                    fetcher.check_whole(names[index], encoded)
                    raise
            except UnavailableError as fault:
                if not skip_unreadable:
                    raise UnavailableError(f"{fault}; fix that, {RUN_AGAIN}") from None
                not_tried.append((item.idx, str(fault)))
                continue
            except RejectedError as refused:
                rows.append({**row, "reason": refused.reason, "detail": refused.detail or None})
            else:
                found = {"bytes": len(kept), "row": len(examples), "reason": None, "detail": note}
                facts = quality.statistics(pixels, quality.histogram(pixels), recipe)
                rows.append({**row, **facts, **_whole(item, pixels), **found})
                examples.append(kept)
            made.append(made_from(item))
    if made:
        write_part(work, fingerprint, items[0].dir_name, made, rows, examples)
    return not_tried


def _whole(item: Item, pixels: U8) -> dict[str, Any]:
    """Return a whole image's fingerprint; empty for crops.

    The fingerprint of a crop would say nothing of its source image.
    """
    return {} if item.crops else whole_fingerprint(pixels)._asdict()


def _is_grey_png(content: bytes) -> bool:
    """Return whether bytes look like an 8-bit grey PNG."""
    try:
        header = read_header(content)
    except PngError:
        return False
    return (header.bits, header.colour) == (8, 0) and content.endswith(END)


def read_published_image(content: bytes, recipe: Recipe) -> tuple[bytes, U8, str | None]:
    """Return a released file's PNG, pixels, and what was changed.

    The PNG is the one that the package holds.

    Raises
    ------
    RejectedError
        Where the bytes cannot be decoded, or are no 8-bit grey example and cannot be made one.
    """
    pixels = read(content, max_pixels=recipe.max_pixels)
    note = None
    if not _is_grey_png(content):
        note = f"was no plain 8-bit grey PNG ({pixels.dtype}, {pixels.ndim} axes), written anew"
        if pixels.ndim != 2 or pixels.dtype != np.uint8:
            pixels = standardize([pixels])
        content = encoder.encode(pixels)
    return content, pixels, note
