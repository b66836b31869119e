"""Parts: the PNG candidates of about 200 images in WORK.

A part is two files: ``part-….arrow`` with the PNG bytes, and, written last, ``part-….parquet`` with one row per
candidate made or refused. Its name is a hash of what it was made from, so parts are a cache: another recipe that wants
the same crops of the same files finds them again, whatever part they lie in.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine import markers
from builder.engine.store import Store
from builder.schema import PART_IMAGES, PART_ROWS
from builder.stages import work_files

FAULTY = "faulty"
"""How the names of parts begin that refuse what hung or crashed; parts are read in the order of their names."""
FINGERPRINT = b"fingerprint"
"""Key of a part's metadata: under which recipe and code it was made."""
MADE = b"made"
"""Key of a part's metadata: when it was made (UTC, ISO 8601, to the second). It stays in WORK."""


def write_part(
    work: Store,
    fingerprint: str,
    folder: str,
    images: Iterable[tuple[str, int, int]],
    rows: list[dict[str, Any]],
    candidates: list[bytes],
    kind: str = "part",
) -> str:
    """Write a part; return its path without ending.

    The candidates come first, then the rows that make the part count.

    Parameters
    ----------
    folder : of the part, a dir_name
    images : idx, crops and file_signature of what it was made from
    rows : of schema ``PART_ROWS``
    candidates : PNGs, in the order of ``row``
    kind : how its name begins; ``FAULTY`` has precedence over other parts that hold the same images
    """
    made_from = [fingerprint, *(f"{idx} {crops} {file_signature}" for idx, crops, file_signature in images)]
    path = f"{work_files.PARTS}/{folder}/{kind}-{markers.fingerprint(*made_from)[:16]}"
    table = pa.Table.from_pylist(rows, schema=PART_ROWS)
    with work.writing(f"{path}.arrow") as file, pa.ipc.new_file(file, PART_IMAGES) as writer:
        for encoded in candidates:  # one batch per candidate: reading one touches no other
            writer.write_batch(pa.record_batch({"png": pa.array([encoded], pa.large_binary())}, schema=PART_IMAGES))
    with work.writing(f"{path}.parquet") as file:
        made = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {FINGERPRINT: fingerprint, MADE: made}
        pq.write_table(table.replace_schema_metadata(metadata), file, compression="zstd")
    return path
