"""Detection of training images in validation, by pixels alone.

Neither `idx` nor `group` is looked at. Source images are compared by what ``fingerprints.parquet`` has of their
standardised whole: the sha256, the same in all orientations, and a thumbnail, see `builder.pixels.alike`. It ships with
the package because the wholes of images that were cut are not in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.store import Store
from builder.package.data_files import whole_table
from builder.pixels.alike import alike
from builder.pixels.thumbnail import SIDE
from builder.schema import FINGERPRINTS, SPLITS
from cytoimagenet_reader import layout

I8 = npt.NDArray[np.int8]


class Pair(NamedTuple):
    """Two source images on different sides of the split.

    Each is given by its first row in ``metadata.parquet``.
    """

    train: int
    validation: int
    correlation: float  # of their thumbnails; 1 where the pixels are the same
    symmetric: bool = False  # like round cells, which resemble one another in outline; see `builder.package.grain`


class ContentAudit(NamedTuple):
    """Images found on both sides of the split.

    The same whole images, and images that look alike, the most alike first.
    """

    same: list[Pair]
    alike: list[Pair]
    compared: tuple[int, int]  # source images of training and validation with a thumbnail
    unknown: int  # rows without a fingerprint: their wholes were not there when the package was made


def read_fingerprints(package: Store) -> pa.Table:
    """Return the fingerprints of a package, schema ``FINGERPRINTS``.

    Empty where it was made without.
    """
    if not package.exists(layout.FINGERPRINTS_TABLE):
        return FINGERPRINTS.empty_table()
    with package.open(layout.FINGERPRINTS_TABLE) as file:
        return whole_table(file)


def content_audit(rows: pa.Table, fingerprints: pa.Table) -> ContentAudit:
    """Compare the two sides by content.

    Parameters
    ----------
    rows : sha256 and split of each example
    fingerprints : schema ``FINGERPRINTS``, at most one of each sha256
    """
    hashes = rows["sha256"].combine_chunks().dictionary_encode()
    known = hashes.indices.is_valid().to_numpy(zero_copy_only=False)
    codes = hashes.indices.fill_null(0).to_numpy()
    place = pc.index_in(hashes.dictionary, value_set=fingerprints["sha256"].combine_chunks())
    drawn = place.is_valid().to_numpy(zero_copy_only=False)
    first = [_first_rows(rows["split"], side, codes, known, len(hashes.dictionary)) for side in SPLITS]
    both = np.flatnonzero((first[0] >= 0) & (first[1] >= 0))
    same = [Pair(int(first[0][code]), int(first[1][code]), 1.0) for code in both.tolist()]
    sides = [np.flatnonzero((here >= 0) & (there < 0) & drawn) for here, there in (first, first[::-1])]
    small = [_thumbnails(fingerprints, place.take(pa.array(side))) for side in sides]
    found = alike(*small)
    pairs = [
        Pair(int(first[0][sides[0][one]]), int(first[1][sides[1][other]]), correlation, symmetric)
        for one, other, correlation, symmetric in zip(*(part.tolist() for part in found), strict=True)
    ]
    return ContentAudit(same, pairs, (len(sides[0]), len(sides[1])), int((~known).sum()))


def _first_rows(
    splits: pa.ChunkedArray, side: str, codes: npt.NDArray[np.int32], known: npt.NDArray[np.bool_], count: int
) -> npt.NDArray[np.int64]:
    """Return each hash's first row on one side, or -1."""
    here = pc.equal(splits, side).combine_chunks().to_numpy(zero_copy_only=False)
    places = np.flatnonzero(here & known)[::-1]
    rows = np.full(count, -1, np.int64)
    rows[codes[places]] = places
    return rows


def _thumbnails(fingerprints: pa.Table, places: pa.Array) -> I8:
    column = fingerprints["thumbnail"].combine_chunks().take(places)
    values = np.frombuffer(column.buffers()[1] or b"", np.int8)
    start = column.offset * SIDE * SIDE
    return values[start : start + len(column) * SIDE * SIDE].reshape(-1, SIDE, SIDE)
