"""The selection in WORK: tables read on demand, and facts.

The facts tell whether the tables are needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine.parquet import open_parquet, parquet_writer, read_parquet
from builder.engine.store import Store
from builder.schema import REJECTS, SELECTION, extra_fields, with_extras
from builder.stages import work_files
from builder.stages.select.thumbnails import stored_fingerprints
from builder.stages.tables import read_columns

if TYPE_CHECKING:
    from builder.stages.select.choose import Selected


_FILES: Final = (work_files.SELECTION, work_files.REJECTS, work_files.FINGERPRINTS)


class ShardPlan(NamedTuple):
    """A shard: row group ``group`` of ``selection.parquet``.

    ``content`` is the hash of these rows, but for where their examples lie in WORK.
    """

    shard: str
    group: int
    rows: int
    content: str


class StoredSelection:
    """What the package holds, and what it leaves out."""

    def __init__(self, work: Store, facts: Mapping[str, Any]) -> None:
        self._work = work
        self.shards = [ShardPlan(*found) for found in facts["shards"]]
        self.dir_names: list[str] = facts["dir_names"]
        self.report: dict[str, Any] = json.loads(facts["report"])  # `select_report.selection_report`
        self.rejected: int = facts["rejected"]
        self.rejects_sha256: str = facts["rejects_sha256"]

    @classmethod
    def find(cls, work: Store, facts: Mapping[str, Any]) -> StoredSelection | None:
        """Return the selection that these facts describe, or None.

        None where its files are not as they were written.
        """
        sizes: dict[str, int] = facts["sizes"]
        whole = all(work.exists(path) and work.size(path) == size for path, size in sizes.items())
        return cls(work, facts) if whole else None

    @property
    def examples(self) -> int:
        """Return how many examples the package holds."""
        return sum(plan.rows for plan in self.shards)

    @property
    def rejects(self) -> pa.Table:
        """Return what is left out, schema ``REJECTS``."""
        return read_parquet(self._work, work_files.REJECTS).cast(REJECTS)

    @property
    def extras(self) -> list[pa.Field]:
        """Return the columns that sources added, by name."""
        with open_parquet(self._work, work_files.SELECTION) as stored:
            return extra_fields(stored.schema)

    def fingerprints(self) -> Iterator[pa.Table]:
        """Yield the fingerprints of the source images.

        The schema is ``FINGERPRINTS``; rows are sorted by sha256.
        """
        if self._work.exists(work_files.FINGERPRINTS):
            yield from stored_fingerprints(self._work)

    def columns(self, *names: str) -> pa.Table:
        """Return some columns of all examples, repeated texts as codes."""
        return read_columns(self._work, work_files.SELECTION, names).unify_dictionaries()

    def rows(self, shards: Iterable[str], names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield columns of the examples, one shard after another.

        Shards come in the order given, each sorted by position.
        """
        groups = {plan.shard: plan.group for plan in self.shards}
        with open_parquet(self._work, work_files.SELECTION) as stored:
            for shard in shards:
                yield stored.read_group(groups[shard], names)


def store_selection(work: Store, selected: Selected) -> tuple[StoredSelection, dict[str, Any]]:
    """Write a selection with one row group per shard.

    So a shard's task reads only its own rows.

    Returns
    -------
    the selection, and the facts from which ``StoredSelection.find`` gives it again
    """
    selection = selected.selection
    shards: list[ShardPlan] = []
    schema = with_extras(SELECTION, extra_fields(selection.schema))
    with work.writing(work_files.SELECTION) as file, parquet_writer(file, schema, compression="zstd") as writer:
        for group, (start, end) in enumerate(_shard_bounds(selection)):
            rows = selection.slice(start, end - start).cast(schema)
            writer.write_table(rows, row_group_size=end - start)
            shards.append(ShardPlan(rows["shard"][0].as_py(), group, end - start, _content(rows)))
    with work.writing(work_files.REJECTS) as file:
        pq.write_table(selected.rejects, file, compression="zstd")
    facts = {
        "shards": [list(plan) for plan in shards],
        "dir_names": sorted(pc.unique(selection["dir_name"]).to_pylist()),
        "report": json.dumps(selected.report),  # as text: its keys keep their order in the marker
        "rejected": selected.rejects.num_rows,
        "rejects_sha256": work.sha256(work_files.REJECTS),
        "sizes": {path: work.size(path) for path in _FILES if work.exists(path)},
    }
    return StoredSelection(work, facts), facts


def _shard_bounds(selection: pa.Table) -> list[tuple[int, int]]:
    shards = selection["shard"]
    shards = shards if pa.types.is_dictionary(shards.type) else shards.dictionary_encode()
    ends = pc.run_end_encode(shards.combine_chunks().indices).run_ends.to_pylist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _content(rows: pa.Table) -> str:
    """Hash what a shard is made from.

    Where its examples lie in WORK does not matter, their pixels do. Only values are hashed: Arrow's own bytes of a
    slice include some neighbouring rows.
    """
    digest = hashlib.sha256()
    for field in rows.schema:
        if field.name not in ("part", "row"):
            column = rows[field.name].combine_chunks()
            digest.update(f"{field.name} {field.type} {len(column)}\0".encode())
            digest.update(column.is_null().to_numpy(zero_copy_only=False).tobytes())
            for values in _values(column):
                digest.update(values)
    return digest.hexdigest()


def _values(column: pa.Array) -> Iterator[Any]:
    """Yield values as bytes, nulls as empty or zero.

    Texts are preceded by their lengths.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_fixed_size_binary(column.type)):
        empty = pa.scalar(0, pa.int8()).cast(column.type)
        yield column.fill_null(empty).to_numpy(zero_copy_only=False).tobytes()
        return
    texts = column.cast(pa.binary()).cast(pa.large_binary()).fill_null(b"")
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    yield np.diff(ends).tobytes()
    if data is not None:
        yield memoryview(data)[int(ends[0]) : int(ends[-1])]
