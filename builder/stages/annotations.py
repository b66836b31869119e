"""Column-wise reading of source annotations, with repeated texts as codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.parquet import open_parquet
from builder.engine.store import Store
from builder.schema import ANNOTATIONS, extra_fields
from builder.stages import work_files
from builder.stages.tables import read_columns


def read_annotations(work: Store, dir_names: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Return the concatenated annotation columns of these sources."""
    tables = []
    for dir_name in dir_names:
        tables.append(read_columns(work, work_files.annotations_path(dir_name), columns))
    return pa.concat_tables(tables) if tables else ANNOTATIONS.empty_table().select(list(columns))


def read_assigned(work: Store, assignments: pa.Table) -> pa.Table:
    """Return the assigned images' annotations without their file locations.

    Columns that only some of the sources have are null for the others, and sorted by name.
    """
    paths = ("size", "files", "planes", "region", "file_signature")
    columns = [name for name in ANNOTATIONS.names if name not in paths]
    tables = []
    extras: dict[str, pa.DataType] = {}
    for dir_name in pc.unique(assignments["dir_name"]).to_pylist():
        mine = assignments["idx"].filter(pc.equal(assignments["dir_name"], dir_name)).combine_chunks()
        with open_parquet(work, work_files.annotations_path(dir_name)) as stored:
            added = extra_fields(stored.schema)
        extras |= {field.name: field.type for field in added}
        table = read_annotations(work, [dir_name], [*columns, *(field.name for field in added)])
        tables.append(table.filter(pc.is_in(table["idx"], value_set=mine)))
    if extras:
        tables = [_with_all(table, extras) for table in tables]
    return pa.concat_tables(tables).unify_dictionaries()


def _with_all(table: pa.Table, extras: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the table with these columns last, null where absent."""
    for name, kind in sorted(extras.items()):
        column = table[name] if name in table.column_names else pa.nulls(len(table), kind)
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, column)
    return table
