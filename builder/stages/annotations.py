"""Column-wise reading of source annotations, with repeated texts as codes."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.schema import ANNOTATIONS
from builder.stages import work_files
from builder.stages.tables import read_columns


def read_annotations(work: Store, dir_names: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Return the concatenated annotation columns of these sources."""
    tables = []
    for dir_name in dir_names:
        with work.open(work_files.annotations_path(dir_name)) as file:
            tables.append(read_columns(file, columns))
    return pa.concat_tables(tables) if tables else ANNOTATIONS.empty_table().select(list(columns))


def read_assigned(work: Store, assignments: pa.Table) -> pa.Table:
    """Return the assigned images' annotations without their file locations."""
    paths = ("size", "files", "planes", "region", "file_signature")
    columns = [name for name in ANNOTATIONS.names if name not in paths]
    tables = []
    for dir_name in pc.unique(assignments["dir_name"]).to_pylist():
        mine = assignments["idx"].filter(pc.equal(assignments["dir_name"], dir_name)).combine_chunks()
        table = read_annotations(work, [dir_name], columns)
        tables.append(table.filter(pc.is_in(table["idx"], value_set=mine)))
    return pa.concat_tables(tables).unify_dictionaries()
