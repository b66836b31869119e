"""The audit of the split, with its pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from builder.engine.store import Store
from builder.inspect.explorer.rows import places
from builder.inspect.explorer.sheets import fitted, sheet
from builder.package.content_audit import ContentAudit, Pair
from builder.package.examples_at import examples_at
from builder.package.grain import judged
from builder.package.leakage import audit, batches_on_both_sides, single_source_classes
from builder.package.manifest import Manifest
from builder.package.overlaps import Overlap, OverlapAudit, of_other_images
from cytoimagenet_reader.decode import decode

_NAMED: Final = 60  # pairs that are shown of a kind
_CELL: Final = 200
_FACTS: Final = ("idx", "label", "dir_name", "group", "batch")


def with_split(table: pa.Table) -> pa.Table:
    """Return the table with the split as plain text."""
    return table.set_column(table.column_names.index("split"), "split", table["split"].cast(pa.string()))


def split_audit(
    out: Path,
    package: Store,
    manifest: Manifest,
    table: pa.Table,
    content: ContentAudit | None,
    overlaps: OverlapAudit | None,
) -> dict[str, Any]:
    """Describe the audit as JSON values; write its pairs' sheet.

    Parameters
    ----------
    content : pairs of whole images, where they were compared
    overlaps : of examples that show one part of a scene, where all were decoded
    """
    rows = with_split(table)
    found = judged(package, manifest["files"], table, content.alike if content else [], _NAMED)
    overlapping = of_other_images(overlaps.pairs, table) if overlaps else None
    kinds: list[tuple[str, list[Pair] | list[Overlap]]] = [
        ("the same whole image", content.same if content else []),
        ("look alike", found.alike),
        ("show one part of a scene", overlapping or []),
    ]
    shown = [(kind, pair) for kind, pairs in kinds for pair in pairs[:_NAMED]]
    numbers = [row for _, pair in shown for row in (pair.train, pair.validation)]
    facts = table.select(list(_FACTS)).take(pa.array(numbers, pa.int64())).to_pylist()
    pngs = examples_at(package, manifest["files"], places(table, numbers))
    images = [fitted(decode(png), _CELL) for png in pngs]
    made = sheet(images)
    if images:
        (out / "sheets" / "pairs.jpg").write_bytes(made.jpeg)
    both, batches = batches_on_both_sides(rows)
    return {
        "checks": audit(rows, manifest["recipe"].get("split_by") == "batch"),
        "batches": {"both": both, "of": batches},
        "content": content
        and {
            "same": len(content.same),
            "alike": len(found.alike),
            "outlines": found.outlines,
            "left": found.left,
            "compared": content.compared,
            "unknown": content.unknown,
        },
        "overlaps": None if overlapping is None else len(overlapping),
        "single": single_source_classes(rows),
        "split": manifest["report"].get("split"),
        "wanted": manifest["recipe"]["validation_share"],
        "pairs": [
            {
                "kind": kind,
                "correlation": round(pair.correlation, 3),
                "share": round(pair.share, 3) if isinstance(pair, Overlap) else None,
                "facts": [[side[name] for name in _FACTS] for side in facts[2 * number : 2 * number + 2]],
            }
            for number, (kind, pair) in enumerate(shown)
        ],
        "sheet": {"size": made.size, "cells": made.cells},
    }
