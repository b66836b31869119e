"""Reading annotation tables.

Only the requested columns are read, with repeated texts dictionary-encoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from builder.engine.parquet import read_parquet
from builder.engine.store import Store
from builder.schema import CATEGORIES

_OF_SOURCES: Final = ("database", "name", "dir_name", "microscopy", "channels", "license")
REPEATED: Final = frozenset({*CATEGORIES, *_OF_SOURCES, "label", "category", "path", "split", "shard", "part"})
"""Columns of texts that many rows have in common."""


def read_columns(work: Store, path: str, columns: Iterable[str]) -> pa.Table:
    """Return columns of a Parquet table in WORK.

    Columns of repeated texts are dictionary-encoded, so that 2.7 million rows take a third of the memory.
    """
    names = list(columns)
    return read_parquet(work, path, names, coded=[name for name in names if name in REPEATED])
