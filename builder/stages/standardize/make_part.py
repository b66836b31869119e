"""Making of one part (method, sections 3 to 5).

About 200 images become candidates as PNG.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from builder.draw import Draw
from builder.engine.store import Store
from builder.errors import RejectedError, UnavailableError
from builder.pixels.candidates import Candidate, candidates
from builder.recipe import Recipe
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item, made_from
from builder.stages.standardize.not_tried import RUN_AGAIN
from builder.stages.standardize.parts import FAULTY, write_part
from cytoimagenet_reader.png import encoder


def standardize_part(
    data: str,
    options: dict[str, Any],
    work: Store,
    recipe: Recipe,
    fingerprint: str,
    skip_unreadable: bool,
    items: Sequence[Item],
) -> list[tuple[str, str]]:
    """Make one part; return (idx, reason) of images left out.

    Images are left out while their files are unavailable.

    Raises
    ------
    UnavailableError
        At the first such image, unless these are to be skipped.
    """
    rows: list[dict[str, Any]] = []
    images: list[bytes] = []
    made: list[tuple[str, int, int]] = []
    not_tried: list[tuple[str, str]] = []
    with ChannelReader(data, options, recipe.max_pixels) as reader:
        for item, channels, left_out, unavailable in reader.read_all(items):
            if unavailable is not None:
                if not skip_unreadable:
                    raise UnavailableError(f"{unavailable}; fix that, {RUN_AGAIN}")
                not_tried.append((item.idx, str(unavailable)))
                continue
            made.append(made_from(item))
            for row, encoded in _candidates(item, channels, left_out, recipe):
                if encoded is not None:
                    row["row"] = len(images)
                    images.append(encoded)
                rows.append(row)
    if made:
        write_part(work, fingerprint, items[0].dir_name, made, rows, images)
    return not_tried


def _candidates(
    item: Item, channels: list[Any], left_out: list[str], recipe: Recipe
) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    """Yield (row, PNG or None) of each candidate.

    A refused image gives one row with the reason.
    """
    try:
        if not channels:
            raise RejectedError(*_worst(left_out))
        found = candidates(channels, item.crops, Draw(recipe.seed, item.idx, "crops"), recipe)
    except RejectedError as refused:
        yield rejected_row(item, refused.reason, "; ".join([refused.detail, *left_out] if channels else left_out)), None
        return
    note = "; ".join(left_out)
    for number, candidate in enumerate(found):
        row, encoded = _row(item, candidate, note)
        yield row | {"thumbnail": candidate.whole.thumbnail if number == 0 else None}, encoded


def _worst(left_out: list[str]) -> tuple[str, str]:
    too_large = bool(left_out) and all("too_large" in reason for reason in left_out)
    mismatched = any(": mismatched: " in reason for reason in left_out)
    return ("mismatched" if mismatched else "too_large" if too_large else "unreadable"), "; ".join(left_out)


def _row(item: Item, candidate: Candidate, note: str) -> tuple[dict[str, Any], bytes | None]:
    encoded = None if candidate.pixels is None or candidate.reason else encoder.encode(candidate.pixels)
    row = {
        "idx": item.idx,
        "candidate": candidate.candidate,
        "crop": candidate.crop,
        "scaling": candidate.scaling,
        "x_min": candidate.x_min,
        "x_max": candidate.x_max,
        "y_min": candidate.y_min,
        "y_max": candidate.y_max,
        "contrast": candidate.contrast,
        "redrawn": candidate.redrawn,
        "whole_dim": candidate.whole.dim,
        **candidate.statistics,
        "sha256": candidate.whole.sha256,
        "bytes": None if encoded is None else len(encoded),
        "reason": candidate.reason,
        "detail": "; ".join(filter(None, [candidate.detail, note])) or None,
        "crops": item.crops,
        "file_signature": item.file_signature,
    }
    return row, encoded


def rejected_row(item: Item, reason: str, detail: str) -> dict[str, Any]:
    """Return the row of an image that gives nothing."""
    return {
        "idx": item.idx,
        "candidate": -1,
        "crop": False,
        "scaling": 1.0,
        "reason": reason,
        "detail": detail or None,
        "crops": item.crops,
        "file_signature": item.file_signature,
    }


def record_crash(work: Store, fingerprint: str, item: Item, detail: str) -> None:
    """Record an image whose bytes crashed the process reading them.

    It becomes a part of its own.
    """
    write_part(work, fingerprint, item.dir_name, [made_from(item)], [rejected_row(item, "crashed", detail)], [], FAULTY)
