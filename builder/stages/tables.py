"""Reading annotation tables.

Only the requested columns are read, with repeated texts dictionary-encoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from builder.schema import CATEGORIES

_OF_SOURCES: Final = ("database", "name", "dir_name", "microscopy", "channels", "license")
REPEATED: Final = frozenset({*CATEGORIES, *_OF_SOURCES, "label", "category", "path", "split", "shard", "part"})
"""Columns of texts that many rows have in common."""


def read_columns(file: str | Path | BinaryIO, columns: Iterable[str]) -> pa.Table:
    """Return columns of a Parquet file.

    Columns of repeated texts are dictionary-encoded, so that 2.7 million rows take a third of the memory.
    """
    names = list(columns)
    return pq.read_table(file, columns=names, read_dictionary=[name for name in names if name in REPEATED])
