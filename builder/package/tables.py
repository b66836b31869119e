"""Tables beside the shards: metadata without images, and the rejects.

They are for ``datasets`` and for SQL engines.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine.parquet import parquet_writer
from builder.engine.store import Store
from builder.package.features import with_features
from builder.schema import FINGERPRINTS, METADATA, REJECTS, SELECTION, SPLITS, STATISTICS, with_extras
from cytoimagenet_reader import layout

TABLE: Final = pa.schema([*METADATA, *(SELECTION.field(name) for name in ("split", "shard", "position")), *STATISTICS])
"""Columns of ``metadata.parquet``: where each example lies, and its statistics, beside METADATA."""

_BATCH_ROWS: Final = 10_000  # about 4 MB of text: below what the hub's viewer refuses
GROUP_ROWS: Final = 50_000
"""Rows of a row group: what is in memory at a time, together with the shard that is read."""


class Selection(Protocol):
    """Examples of a package, read as needed.

    At no time are all of a million rows in memory.
    """

    @property
    def extras(self) -> list[pa.Field]:
        """Return the columns that sources added, by name."""

    def columns(self, *names: str) -> pa.Table:
        """Return some columns of all examples.

        Texts may be dictionary-encoded.
        """

    def rows(self, shards: Iterable[str], names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of these shards in order.

        One shard follows another, sorted by position, with types as in ``SELECTION``.
        """


def write_tables(
    package: Store,
    selection: Selection,
    rejects: pa.Table,
    shards: Mapping[str, Any],
    file_format: str,
    fingerprints: Iterable[pa.Table] = (),
) -> dict[str, dict[str, Any]]:
    """Write ``metadata/<split>`` and the tables beside it.

    Returns their facts for the manifest. Rows come in the order in which the config ``full`` reads them: row n of
    ``metadata`` describes its example n.

    Raises
    ------
    ValueError
        Where a shard of the selection has not as many rows as the file that was written of it.
    """
    facts: dict[str, dict[str, Any]] = {}
    extras = selection.extras
    schema = with_extras(TABLE, extras)
    columns = with_extras(METADATA, extras).names
    with package.writing(layout.METADATA_TABLE) as whole, table_writer(whole, with_features(schema)) as table:
        for split in SPLITS:
            paths = layout.shards_of(shards, layout.FULL, split)
            if paths:
                path = layout.metadata_path(split, file_format)
                with package.writing(path) as file, metadata_writer(file, file_format, extras) as write:
                    for rows in in_pieces(_read(selection, paths, shards, schema), GROUP_ROWS):
                        write(rows.select(columns))
                        table.write_table(rows)
                count = sum(shards[path]["rows"] for path in paths)
                facts[path] = _stored(package, path, count, config=layout.METADATA_CONFIG, split=split)
    facts[layout.METADATA_TABLE] = _stored(package, layout.METADATA_TABLE, sum(f["rows"] for f in facts.values()))
    with package.writing(layout.REJECTS_TABLE) as file, table_writer(file, REJECTS) as writer:
        writer.write_table(rejects.cast(REJECTS), row_group_size=GROUP_ROWS)
    facts[layout.REJECTS_TABLE] = _stored(package, layout.REJECTS_TABLE, rejects.num_rows)
    images = 0
    with package.writing(layout.FINGERPRINTS_TABLE) as file, table_writer(file, FINGERPRINTS) as writer:
        for rows in fingerprints:
            writer.write_table(rows.cast(FINGERPRINTS), row_group_size=GROUP_ROWS)
            images += rows.num_rows
    facts[layout.FINGERPRINTS_TABLE] = _stored(package, layout.FINGERPRINTS_TABLE, images)
    return facts


def _read(
    selection: Selection, paths: Sequence[str], shards: Mapping[str, Any], schema: pa.Schema
) -> Iterator[pa.Table]:
    names = [layout.name_of(path) for path in paths]
    for path, rows in zip(paths, selection.rows(names, schema.names), strict=True):
        if rows.num_rows != shards[path]["rows"]:
            raise ValueError(f"{path} holds {shards[path]['rows']} rows, the selection has {rows.num_rows} of it")
        yield placed(rows, path).cast(schema)


def placed(rows: pa.Table, path: str) -> pa.Table:
    """Return rows of the shard's file that ``shard`` names."""
    shard = pa.repeat(pa.scalar(path.rpartition(".")[0]), len(rows))
    return rows.set_column(rows.schema.get_field_index("shard"), TABLE.field("shard"), shard)


def in_pieces(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the rows again in pieces of a given size.

    The last piece holds the rest; each piece is one chunk.
    """
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(part.num_rows for part in held) >= rows:
            whole = pa.concat_tables(held)
            cut = whole.num_rows - whole.num_rows % rows
            for start in range(0, cut, rows):
                yield whole.slice(start, rows).combine_chunks()
            held = [whole.slice(cut)]
    if any(part.num_rows for part in held):
        yield pa.concat_tables(held).combine_chunks()


@contextlib.contextmanager
def metadata_writer(
    file: Any, file_format: str, extras: Sequence[pa.Field] = ()
) -> Iterator[Callable[[pa.Table], None]]:
    """Give a writer of METADATA rows to a split's table."""
    schema = with_features(with_extras(METADATA, extras))
    if file_format == "parquet":
        with table_writer(file, schema) as parquet:
            yield parquet.write_table
    else:
        with pa.ipc.new_stream(file, schema) as stream:
            yield functools.partial(stream.write_table, max_chunksize=_BATCH_ROWS)


def table_writer(file: Any, schema: pa.Schema) -> contextlib.AbstractContextManager[pq.ParquetWriter]:
    """Return a writer of a table beside the shards."""
    return parquet_writer(file, schema, compression="zstd", write_page_index=True)


def _stored(package: Store, path: str, rows: int, **place: str) -> dict[str, Any]:
    return {"rows": rows, "bytes": package.size(path), "sha256": package.sha256(path), **place}
