"""Source images of shown crops, with their windows."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from PIL import Image

from builder.errors import RejectedError
from builder.inspect.explorer.class_pages import Shown
from builder.inspect.explorer.scripts import write_script
from builder.inspect.explorer.sheets import fitted
from builder.inspect.explorer.summary import Classes
from builder.inspect.source_images import SourceImages

MOST: Final = 2_000
"""Source images that are made again."""
_SIDE: Final = 420


def write_wholes(out: Path, data: SourceImages, table: pa.Table, classes: Classes, shown: Shown) -> int:
    """Write ``wholes/<idx>.jpg`` of shown crops, and ``data/wholes.js``.

    As many of each class, at most 2,000 in all. Returns how many were written.
    """
    crop = table["crop"].take(pa.array(shown.rows)).to_numpy()
    each = max(1, MOST // max(1, len(classes.names)))
    rows: list[int] = []
    taken: defaultdict[int, int] = defaultdict(int)
    for row in shown.rows[crop].tolist():
        number = int(classes.of_row[row])
        if taken[number] < each:
            taken[number] += 1
            rows.append(row)
    some = table.select(["dir_name", "idx"]).take(pa.array(rows[:MOST], pa.int64())).to_pylist()
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for found in some:
        wanted[found["dir_name"]].add(found["idx"])
    (out / "wholes").mkdir()
    sizes: dict[str, tuple[int, int]] = {}
    for dir_name, names in sorted(wanted.items()):
        for idx, channels in data.channels(dir_name, names):
            try:
                pixels = data.standardised(channels)
            except RejectedError:  # its files give it no more
                continue
            Image.fromarray(np.ascontiguousarray(fitted(pixels, _SIDE))).save(out / "wholes" / f"{idx}.jpg", quality=82)
            sizes[idx] = pixels.shape[1], pixels.shape[0]
    write_script(out / "data" / "wholes.js", "wholes", sizes)
    return len(sizes)
