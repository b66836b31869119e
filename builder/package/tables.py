"""The tables beside the shards: metadata without images, for ``datasets`` and for SQL engines, and the rejects."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine.store import Store
from builder.package import layout
from builder.package.manifest import file_facts
from builder.schema import METADATA, REJECTS, SELECTION, SPLITS, STATISTICS

TABLE: Final = pa.schema([*METADATA, *(SELECTION.field(name) for name in ("split", "shard", "position")), *STATISTICS])
"""Columns of ``metadata.parquet``: where each picture lies, and its statistics, beside METADATA."""

_BATCH_ROWS: Final = 10_000  # about 4 MB of text: below what the hub's viewer refuses
_GROUP_ROWS: Final = 50_000


def in_reading_order(selection: pa.Table, files: Iterable[str], split: str) -> pa.Table:
    """Return a split's rows in the order in which the config ``full`` reads them.

    So row n of ``metadata`` describes example n of ``full``. ``selection`` is sorted by shard and position.
    """
    starts = _shard_starts(selection)
    paths = layout.shards_of(files, layout.FULL, split)
    bounds = [starts[path.rpartition(".")[0]] for path in paths]
    tables = [selection.slice(start, stop - start) for start, stop in bounds]
    return pa.concat_tables(tables) if tables else selection.slice(0, 0)


def write_tables(
    package: Store, selection: pa.Table, rejects: pa.Table, shards: Mapping[str, Any], file_format: str
) -> dict[str, dict[str, Any]]:
    """Write ``metadata/<split>``, ``metadata.parquet`` and ``rejects.parquet``; return their facts for the manifest."""
    facts: dict[str, dict[str, Any]] = {}
    ordered = {split: in_reading_order(selection, shards, split) for split in SPLITS}  # slices: nothing is copied
    for split, rows in ordered.items():
        if rows.num_rows:
            path = layout.browse_path(split, file_format)
            with package.writing(path) as file:
                _write_browse(file, rows.select(METADATA.names).combine_chunks().cast(METADATA), file_format)
            facts[path] = _stored(package, path, rows.num_rows, config=layout.BROWSE, split=split)
    table = pa.concat_tables(ordered.values()).select(TABLE.names).cast(TABLE)
    with package.writing(layout.METADATA_TABLE) as file:
        _write_parquet(file, table)
    facts[layout.METADATA_TABLE] = _stored(package, layout.METADATA_TABLE, table.num_rows)
    content = io.BytesIO()
    _write_parquet(content, rejects.cast(REJECTS))
    package.write_bytes(layout.REJECTS_TABLE, content.getvalue())
    facts[layout.REJECTS_TABLE] = {"rows": rejects.num_rows} | file_facts(content.getvalue())
    return facts


def _shard_starts(selection: pa.Table) -> dict[str, tuple[int, int]]:
    """Return shard -> (first row, row after its last)."""
    names = pc.dictionary_encode(selection["shard"].combine_chunks())
    codes = np.asarray(names.indices)
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    shards = names.dictionary.to_pylist()
    found = {shards[codes[a]]: (a, b) for a, b in itertools.pairwise(edges) if b > a}
    if len(edges) - 1 != len(shards):
        raise ValueError("the selection is not sorted by shard")
    return found


def _write_browse(file: Any, table: pa.Table, file_format: str) -> None:
    if file_format == "parquet":
        _write_parquet(file, table)
        return
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=_BATCH_ROWS)


def _write_parquet(file: Any, table: pa.Table) -> None:
    pq.write_table(table, file, compression="zstd", row_group_size=_GROUP_ROWS, write_page_index=True)


def _stored(package: Store, path: str, rows: int, **place: str) -> dict[str, Any]:
    return {"rows": rows, "bytes": package.size(path), "sha256": package.sha256(path), **place}
