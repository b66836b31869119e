"""Parts: the PNG candidates of about 200 images in WORK, and what they were made from.

A part is two files: ``part-….arrow`` with the PNG bytes, and, written last, ``part-….parquet`` with one row a picture
made or refused. Its name is a hash of what it was made from, so parts are a cache: another recipe that wants the same
crops of the same files finds them again, whatever part they lie in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine import markers
from builder.engine.store import Store
from builder.errors import UserError
from builder.schema import PART_PICTURES, PART_ROWS

MadeFrom = tuple[str, int, int]  # idx, crops, stamp

FOLDER = "standardized"
GUILTY = "guilty"
"""How the names of parts begin that refuse all images of a file; parts are read in the order of their names."""
PRESENT = "standardized.txt"
"""Holds the fingerprint of the parts that the last build made or used; others wait for their recipe to come back."""
_FINGERPRINT = b"fingerprint"


def write_part(
    work: Store,
    fingerprint: str,
    folder: str,
    images: Iterable[tuple[str, int, int]],
    rows: list[dict[str, Any]],
    pictures: list[bytes],
    kind: str = "part",
) -> str:
    """Write the pictures, then the rows that make the part count; return its path without ending.

    Parameters
    ----------
    folder : of the part, a dir_name
    images : idx, crops and stamp of what it was made from
    rows : of schema ``PART_ROWS``
    pictures : PNGs, in the order of ``row``
    kind : how its name begins; ``GUILTY`` has precedence over other parts that hold the same images
    """
    made_from = [fingerprint, *(f"{idx} {crops} {stamp}" for idx, crops, stamp in images)]
    path = f"{FOLDER}/{folder}/{kind}-{markers.fingerprint(*made_from)[:16]}"
    table = pa.Table.from_pylist(rows, schema=PART_ROWS)
    with work.writing(f"{path}.arrow") as file, pa.ipc.new_file(file, PART_PICTURES) as writer:
        for encoded in pictures:  # a batch a picture: reading one touches no other
            writer.write_batch(pa.record_batch({"png": pa.array([encoded], pa.large_binary())}, schema=PART_PICTURES))
    with work.writing(f"{path}.parquet") as file:
        pq.write_table(table.replace_schema_metadata({_FINGERPRINT: fingerprint}), file, compression="zstd")
    return path


def read_parts(work: Store, fingerprint: str, columns: Sequence[str] | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Yield (path without its ending, rows) of every finished part that was made by this recipe and code."""
    for path in sorted(work.list(FOLDER)):
        if path.endswith(".parquet"):
            with work.open(path) as file:
                part = pq.ParquetFile(file)
                if (part.schema_arrow.metadata or {}).get(_FINGERPRINT) == fingerprint.encode():
                    yield path.removesuffix(".parquet"), part.read(columns=list(columns) if columns else None)


def covered(work: Store, fingerprint: str) -> pa.Table:
    """Return idx, crops and stamp of every image that a finished part holds or has refused."""
    tables = [rows for _, rows in read_parts(work, fingerprint, ["idx", "crops", "stamp"])]
    if not tables:
        return PART_ROWS.empty_table().select(["idx", "crops", "stamp"])
    table = pa.concat_tables(table.replace_schema_metadata(None) for table in tables)
    return table.group_by(["idx", "crops", "stamp"]).aggregate([])


def without(images: pa.Table, others: pa.Table) -> pa.Table:
    """Return the rows of ``images`` whose (idx, crops, stamp) is not among ``others``."""
    return images.join(others, ["idx", "crops", "stamp"], join_type="left anti")


def rows_of(work: Store, fingerprint: str, images: pa.Table) -> pa.Table:
    """Return the rows of the wanted images (schema ``PART_ROWS`` and ``part``), each image from one part only."""
    tables = []
    wanted = images.select(["idx", "crops", "stamp"])
    places = {name: place for place, name in enumerate(wanted["idx"].to_pylist())}
    expected = list(zip(wanted["crops"].to_pylist(), wanted["stamp"].to_pylist(), strict=True))
    taken_from: list[str | None] = [None] * len(expected)
    for part, rows in read_parts(work, fingerprint):
        mine = []
        for idx, *made in zip(*(rows[name].to_pylist() for name in ("idx", "crops", "stamp")), strict=True):
            place = places.get(idx, -1)
            right = place >= 0 and expected[place] == tuple(made) and taken_from[place] in (None, part)
            if right:  # two parts may hold one image, with the same bytes: the first is taken
                taken_from[place] = part
            mine.append(right)
        if any(mine):
            kept = rows.filter(pa.array(mine))
            tables.append(kept.append_column("part", pa.array([part] * kept.num_rows, pa.string())))
    lost = taken_from.count(None)
    if lost:
        example = wanted["idx"][taken_from.index(None)]
        raise UserError(f"{lost} images are in no part, for instance {example}; run the same command again")
    return pa.concat_tables(tables).replace_schema_metadata(None)


def refused(work: Store) -> dict[str, int]:
    """Return how many images and crops each reason has cost the present build of WORK so far, most first."""
    counts: Counter[str] = Counter()
    if work.exists(PRESENT):
        for _, rows in read_parts(work, work.read_bytes(PRESENT).decode(), ["reason"]):
            counts.update(filter(None, rows["reason"].to_pylist()))
    return dict(counts.most_common())
