"""Columns at which the hub viewer's statistics fail.

Its histogram of whole numbers has no bins where the largest is the smallest and one, and the statistics of all columns
of the split are lost. Of texts that are no classes it counts the lengths, of images the widths: ``generate_bins``,
``StringColumn`` and ``ImageColumn`` in libs/libcommon/src/libcommon/statistics_utils.py of dataset-viewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from builder.schema import EXAMPLES, METADATA, with_extras
from cytoimagenet_reader.layout import FULL, METADATA_CONFIG

_CLASS_SHARE: Final = 0.2  # of different texts among the rows, up to which they are classes,
_CLASSES: Final = 1000  # if they are no more than these,
_FEW: Final = 10  # or if they are no more than these


def without_statistics(table: pa.Table, config: str, split: str, extras: Sequence[pa.Field] = ()) -> Iterator[str]:
    """Yield the columns at which a split's statistics fail.

    Parameters
    ----------
    table : ``metadata.parquet``
    extras : columns that sources added
    """
    mask = pc.equal(table["split"], split)
    if config not in (FULL, METADATA_CONFIG):
        mask = pc.and_(mask, pc.equal(table["category"], config))
    rows = table.filter(mask)
    for field in with_extras(METADATA if config == METADATA_CONFIG else EXAMPLES, extras):
        name = field.name
        if name == "image":
            values: Any = rows["width"]
        elif pa.types.is_integer(field.type):
            values = rows[name]
        elif pa.types.is_string(field.type) and not (name == "label" and config != METADATA_CONFIG):
            if _are_classes(rows[name]):
                continue
            values = pc.utf8_length(rows[name])
        else:
            continue
        bounds = pc.min_max(values).as_py()
        if bounds["min"] is not None and bounds["max"] == bounds["min"] + 1:
            yield name


def _are_classes(texts: pa.ChunkedArray) -> bool:
    count: int = pc.count_distinct(texts, mode="all").as_py()
    return count <= _FEW or (count <= _CLASSES and count <= _CLASS_SHARE * len(texts))
