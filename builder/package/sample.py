"""``sample.parquet`` of an Arrow package: a few of its examples.

Who lists data sets by their Croissant description reads Parquet and no Arrow stream; so do viewers of single files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from builder.engine.store import Store
from builder.package.data_files import data_batches, whole_table
from builder.package.extras import extras_of
from builder.package.features import shard_schema
from builder.package.manifest import Manifest, file_facts
from builder.package.problem import Problem
from builder.package.tables import table_writer
from cytoimagenet_reader import layout

ROWS: Final = 20
"""Examples of a sample, shared equally by the categories: 2 MB, where they have 512 x 512 pixels."""


def write_sample(
    package: Store, files: Iterable[str], file_format: str, extras: Sequence[pa.Field]
) -> dict[str, dict[str, Any]]:
    """Write the sample of an Arrow package; return its facts.

    Of a Parquet package there is none: its shards can be read by all. One that an earlier build left is removed.

    Parameters
    ----------
    files : paths of the shards, which are written
    extras : columns that sources added
    """
    if file_format != "arrow":
        if package.exists(layout.SAMPLE_TABLE):
            package.delete(layout.SAMPLE_TABLE)
        return {}
    table = _sample(package, list(files), extras)
    sink = pa.BufferOutputStream()
    with table_writer(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue().to_pybytes()
    package.write_bytes(layout.SAMPLE_TABLE, content)
    return {layout.SAMPLE_TABLE: file_facts(content)}


def check_sample(package: Store, manifest: Manifest) -> Iterator[Problem]:
    """Yield a problem where the sample differs from the shards."""
    found = whole_table(pa.BufferReader(package.read_bytes(layout.SAMPLE_TABLE)))
    if not found.equals(_sample(package, list(manifest["files"]), extras_of(manifest))):
        yield Problem(layout.SAMPLE_TABLE, "its rows are not the first of each category's shards")


def _sample(package: Store, files: list[str], extras: Sequence[pa.Field]) -> pa.Table:
    """Return the first rows of each category's first shard."""
    categories = layout.configs(files)[1:]
    rows = -(-ROWS // len(categories))
    firsts = [layout.shards_of(files, one, layout.splits_of(files, one)[0])[0] for one in categories]
    taken = [_first(package, path, rows) for path in firsts]
    return pa.concat_tables(taken).cast(shard_schema("arrow", (), extras)).combine_chunks()


def _first(package: Store, path: str, rows: int) -> pa.Table:
    with package.open(path) as file:
        batches: list[pa.RecordBatch] = []
        for batch in data_batches(file, path):
            batches.append(batch.slice(0, rows - sum(map(len, batches))))
            if sum(map(len, batches)) == rows:
                break
    return pa.Table.from_batches(batches).replace_schema_metadata()
