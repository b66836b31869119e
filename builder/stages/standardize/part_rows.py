"""The rows of the parts, without image bytes.

Tables may have a million rows, so there is no Python object per row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine.store import Store
from builder.errors import UserError
from builder.schema import PART_ROWS, THUMBNAIL
from builder.stages import work_files
from builder.stages.standardize.parts import FINGERPRINT

_AT_ONCE: Final = 64  # files; where WORK is remote their reads overlap
_KEY: Final = ["idx", "crops", "file_signature"]
ROWS: Final = pa.schema([field for field in PART_ROWS if field.name != THUMBNAIL.name])
"""Columns of a part's rows but the thumbnails, which are as large as all the others together."""
_PART: Final = pa.dictionary(pa.int32(), pa.string())


def read_parts(work: Store, fingerprint: str, columns: Sequence[str] | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Yield (path, rows) of every finished part, by path.

    Paths lack their endings; only parts made by this recipe and code count.
    """
    paths = (path for path in sorted(work.list(work_files.PARTS)) if path.endswith(".parquet"))
    while some := list(itertools.islice(paths, _AT_ONCE)):
        for path, content in work.read_many(some).items():
            part = pq.ParquetFile(pa.BufferReader(content))
            if (part.schema_arrow.metadata or {}).get(FINGERPRINT) == fingerprint.encode():
                rows = part.read(columns=list(columns) if columns else None, use_threads=False)
                yield path.removesuffix(".parquet"), rows.replace_schema_metadata(None)


def covered(work: Store, fingerprint: str) -> pa.Table:
    """Return the images that finished parts hold or have refused.

    The columns are idx, crops and file_signature.
    """
    tables = [rows for _, rows in read_parts(work, fingerprint, _KEY)]
    if not tables:
        return PART_ROWS.empty_table().select(_KEY)
    return pa.concat_tables(tables).group_by(_KEY).aggregate([])


def without(images: pa.Table, others: pa.Table) -> pa.Table:
    """Return the rows of ``images`` that are not in ``others``.

    Rows are compared by (idx, crops, file_signature).
    """
    return images.join(others, _KEY, join_type="left anti")


def rows_of(work: Store, fingerprint: str, images: pa.Table) -> pa.Table:
    """Return the wanted images' rows, each from one part only.

    The schema is ``ROWS`` and ``part``. Where two parts hold one image, with the same bytes, the first by name is
    taken, of those that have their candidates still.

    Raises
    ------
    UserError
        Where an image is in no part.
    """
    sizes = work.sizes(work_files.PARTS)
    tables, lost = [], []
    parts = read_parts(work, fingerprint, ROWS.names)
    for folder, here in itertools.groupby(parts, key=lambda found: found[0].split("/")[1]):
        mine = images.filter(pc.equal(images["dir_name"], folder))
        found = sorted(here, key=lambda part: f"{part[0]}.arrow" not in sizes)  # stable: by name within
        rows = pa.concat_tables(rows for _, rows in found)
        codes = np.repeat(np.arange(len(found), dtype=np.int32), [rows.num_rows for _, rows in found])
        kept, missing = _from_one_part(rows, codes, mine)
        names = pa.DictionaryArray.from_arrays(pa.array(codes[kept]), pa.array([path for path, _ in found]))
        tables.append(rows.take(pa.array(kept)).append_column("part", names))
        lost.append(mine["idx"].take(pa.array(missing)))
        images = images.filter(pc.not_equal(images["dir_name"], folder))
    absent = pa.chunked_array([chunk for column in (*lost, images["idx"]) for chunk in column.chunks], pa.string())
    if len(absent):
        raise UserError(f"{len(absent)} images are in no part, for instance {absent[0]}; run the same command again")
    return pa.concat_tables(tables).unify_dictionaries() if tables else _no_rows()


def _no_rows() -> pa.Table:
    return ROWS.empty_table().append_column("part", pa.array([], _PART))


def _from_one_part(rows: pa.Table, codes: npt.NDArray[np.int32], images: pa.Table) -> tuple[Any, Any]:
    """Return the places of rows to take, and missing images.

    Each image comes from the first part that has what is wanted.

    Parameters
    ----------
    codes : shape (rows,), ascending: number of each row's part
    images : idx, crops and file_signature
    """
    found = pc.index_in(rows["idx"], value_set=images["idx"].combine_chunks()).fill_null(-1).to_numpy()
    right = found >= 0
    for name in ("crops", "file_signature"):
        wanted = images[name].to_numpy()
        right &= rows[name].to_numpy() == (wanted[found] if len(wanted) else 0)
    places = np.flatnonzero(right)
    part_of = np.full(images.num_rows, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(part_of, found[places], codes[places])
    missing = np.flatnonzero(part_of == np.iinfo(np.int32).max)
    return places[part_of[found[places]] == codes[places]], missing
