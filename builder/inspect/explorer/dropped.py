"""What was dropped, by reason, beside what was barely kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.inspect.explorer.refused import Refused
from builder.inspect.explorer.rows import places
from builder.inspect.explorer.scripts import plain
from builder.inspect.explorer.sheets import fitted, sheet
from builder.package.data_files import whole_table
from builder.package.examples_at import each_example
from builder.schema import REASONS
from cytoimagenet_reader import layout
from cytoimagenet_reader.decode import decode

U8 = npt.NDArray[np.uint8]

_SHOWN: Final = 16  # of a reason
_NAMED: Final = 200  # of a reason, in a table
_CELL: Final = 160


class Limit(NamedTuple):
    """What a reason judges: which column, end and examples."""

    column: str
    lowest: bool
    crops: bool


LIMITS: Final = {
    "dim": Limit("p75", True, False),
    "binary_mask": Limit("distinct", True, False),
    "uniform": Limit("contrast", True, False),
    "crop_blank": Limit("contrast", True, True),
    "crop_too_dark": Limit("mean", True, True),
    "crop_too_bright": Limit("mean", False, True),
    "crop_dim": Limit("p75", True, True),
    "crop_uniform": Limit("contrast", True, True),
    "crop_binary": Limit("distinct", True, True),
}
"""Reasons that are a bound of a number: what lies nearest to it was barely kept."""


def dropped(out: Path, package: Store, manifest: dict[str, Any], table: pa.Table, refused: Refused) -> dict[str, Any]:
    """Describe the rejects in JSON values, and write their sheet.

    Parameters
    ----------
    refused : gives the pixels of what was refused, where they can be had
    """
    with package.open(layout.REJECTS_TABLE) as file:
        rejects = whole_table(file)
    reasons = pc.value_counts(rejects["reason"]).to_pylist()
    counts = {row["values"]: row["counts"] for row in reasons}
    entries: list[dict[str, Any]] = []
    thumbnails: list[U8] = []
    some = {reason: _dealt(rejects.filter(pc.equal(rejects["reason"], reason)), _SHOWN) for reason in counts}
    refused.prepare([row for rows in some.values() for row in rows])
    for reason in sorted(counts, key=lambda name: (-counts[name], name)):
        rows = rejects.filter(pc.equal(rejects["reason"], reason))
        by_source = [(row["values"], row["counts"]) for row in pc.value_counts(rows["dir_name"]).to_pylist()]
        shown = [(row, refused.pixels(row)) for row in some[reason]]
        entry = {
            "reason": reason,
            "meaning": REASONS.get(reason, ""),
            "count": counts[reason],
            "sources": sorted(by_source, key=lambda pair: (-pair[1], pair[0])),
            "refused": [_entry(row, image, thumbnails) for row, image in shown if image is not None],
            "named": [_entry(row, None, thumbnails) for row in rows.slice(0, _NAMED).to_pylist()],
            "kept": [],
        }
        if reason in LIMITS:
            entry["judged"] = LIMITS[reason].column
            entry["kept"] = [
                _entry(row, image, thumbnails) for row, image in _just_kept(package, manifest, table, LIMITS[reason])
            ]
        entries.append(entry)
    made = sheet(thumbnails)
    if thumbnails:
        (out / "sheets" / "dropped.jpg").write_bytes(made.jpeg)
    return {
        "reasons": entries,
        "sheet": {"size": made.size, "cells": made.cells},
        "how": refused.how,
        "total": rejects.num_rows,
        "accounts": manifest["report"].get("accounts"),
    }


def _dealt(rejects: pa.Table, most: int) -> list[dict[str, Any]]:
    """Return some rejects, dealt from the sources in turn."""
    names = sorted(pc.unique(rejects["dir_name"]).to_pylist())
    piles = [rejects.filter(pc.equal(rejects["dir_name"], name)).slice(0, most).to_pylist() for name in names]
    dealt = [pile[place] for place in range(most) for pile in piles if place < len(pile)]
    return dealt[:most]


def _just_kept(
    package: Store, manifest: dict[str, Any], table: pa.Table, limit: Limit
) -> list[tuple[dict[str, Any], U8]]:
    """Return the examples nearest to a reason's limit, nearest first."""
    values = table[limit.column].to_numpy().astype(np.float64)
    crop = table["crop"].to_numpy()
    usable = np.flatnonzero(np.isfinite(values) & (crop if limit.crops else True))
    rows = usable[np.argsort(values[usable] if limit.lowest else -values[usable], kind="stable")][:_SHOWN]
    wanted = places(table, rows)
    found = dict(each_example(package, manifest["files"], wanted))
    facts = table.select(["idx", "dir_name", "label", limit.column]).take(pa.array(rows)).to_pylist()
    return [
        ({**fact, "detail": f"{limit.column} {plain(fact[limit.column])}"}, fitted(decode(found[place]), _CELL))
        for fact, place in zip(facts, wanted, strict=True)
        if found.get(place) is not None
    ]


def _entry(row: dict[str, Any], image: U8 | None, thumbnails: list[U8]) -> list[Any]:
    """Return an entry's texts and its place in the sheet.

    Idx, source, label, key, what was measured, which candidate; the place is -1 where there are no pixels.
    """
    if image is not None:
        thumbnails.append(fitted(image, _CELL))
    place = len(thumbnails) - 1 if image is not None else -1
    candidate = row.get("candidate")
    what = "" if candidate is None else "whole" if candidate < 0 else f"crop {candidate}"
    return [row["idx"], row["dir_name"], row.get("label"), row.get("key"), row.get("detail"), what, place]
