"""Thumbnails of images, in the parts and in the package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.parquet import open_parquet, parquet_writer
from builder.engine.store import Store
from builder.pixels.thumbnail import SIDE
from builder.schema import FINGERPRINTS, THUMBNAIL
from builder.stages import work_files
from builder.stages.standardize.part_rows import read_parts

I8 = npt.NDArray[np.int8]

_GROUP_ROWS: Final = 50_000


def thumbnails_of(work: Store, fingerprint: str, idx: pa.Array) -> I8:
    """Return the thumbnails of images, int8 (n, 16, 16).

    A thumbnail that no part has is all zeros, which resembles nothing.

    Parameters
    ----------
    fingerprint : of the parts to look in
    idx : of the images, each once
    """
    found = np.zeros((len(idx), SIDE * SIDE), np.int8)
    for _, rows in read_parts(work, fingerprint, ["idx", THUMBNAIL.name]):
        rows = rows.filter(pc.is_valid(rows[THUMBNAIL.name]))
        place = pc.index_in(rows["idx"], value_set=idx)
        rows, place = rows.filter(pc.is_valid(place)), place.drop_null()
        if rows.num_rows:
            content = b"".join(rows[THUMBNAIL.name].to_pylist())
            found[place.to_numpy()] = np.frombuffer(content, np.int8).reshape(-1, SIDE * SIDE)
    return found.reshape(-1, SIDE, SIDE)


def write_fingerprints(work: Store, fingerprint: str, images: pa.Table) -> None:
    """Write the fingerprints of the package's source images.

    One row per known whole image, sorted by sha256.

    Parameters
    ----------
    fingerprint : of the parts that have the thumbnails
    images : sha256 and idx, as the parts name it, of the examples; of several with one sha256 the first idx is taken
    """
    known = images.select(["sha256", "idx"]).filter(pc.is_valid(images["sha256"]))
    images = known.group_by("sha256").aggregate([("idx", "min")]).sort_by("sha256")
    thumbnails = thumbnails_of(work, fingerprint, images["idx_min"].combine_chunks()).reshape(-1, SIDE * SIDE)
    with (
        work.writing(work_files.FINGERPRINTS) as file,
        parquet_writer(file, FINGERPRINTS, compression="zstd") as writer,
    ):
        for start in range(0, images.num_rows, _GROUP_ROWS):
            some = thumbnails[start : start + _GROUP_ROWS]
            column = pa.FixedSizeBinaryArray.from_buffers(THUMBNAIL.type, len(some), [None, pa.py_buffer(some)])
            hashes = images["sha256"].slice(start, _GROUP_ROWS).combine_chunks()
            writer.write_table(pa.table([hashes, column], schema=FINGERPRINTS), row_group_size=_GROUP_ROWS)


def stored_fingerprints(work: Store) -> Iterator[pa.Table]:
    """Yield the stored fingerprints, one row group at a time.

    The schema is ``FINGERPRINTS``.
    """
    with open_parquet(work, work_files.FINGERPRINTS) as stored:
        for group in range(stored.groups):
            yield stored.read_group(group)
