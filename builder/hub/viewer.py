"""What the hub's viewer will show of a package.

Its rules for each format: docs/hub.md.
"""

from __future__ import annotations

from typing import Final

from builder.package.manifest import Manifest
from cytoimagenet_reader import layout

SHOWN_BYTES: Final = 5_000_000_000
"""Of each split that is not Parquet: what the viewer converts, and so shows, filters and counts."""


def shown_lines(manifest: Manifest) -> list[str]:
    """Describe which share of each split the viewer shows.

    One line for each split of ``full``.
    """
    if manifest["format"] == "parquet":
        return ["the hub's viewer will show all examples: it reads Parquet as it is"]
    files = manifest["files"]
    lines = []
    for split in layout.splits_of(files, layout.FULL):
        size = sum(files[path]["bytes"] for path in layout.shards_of(files, layout.FULL, split))
        if size > SHOWN_BYTES:
            share = f"{100 * SHOWN_BYTES / size:.0f} % of {split}"
            lines.append(f"the hub's viewer will show {share} of full, the first 5 GB of what is not Parquet")
    if lines:
        return [*lines, "`cytoimagenet export --to parquet` makes a package that it shows whole"]
    return ["the hub's viewer will show all examples: no split has more than 5 GB"]
