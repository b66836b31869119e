"""Checks of the fingerprints, and of the split by them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine.store import Store
from builder.package.content_audit import Pair, content_audit, read_fingerprints
from builder.package.data_files import opened, whole_table
from builder.package.grain import judged
from builder.package.overlaps import Overlap, of_other_images, overlap_audit
from builder.package.problem import Problem
from builder.pixels.fingerprint import fingerprint
from builder.schema import FINGERPRINTS
from cytoimagenet_reader import layout

_LISTED: Final = 200


def check_form(package: Store, table: pa.Table) -> Iterator[Problem]:
    """Yield problems with the form of ``fingerprints.parquet``.

    It has one row for each whole image that the rows name, sorted.
    """
    with package.open(layout.FINGERPRINTS_TABLE) as file:
        if not pq.read_schema(file).equals(FINGERPRINTS):
            yield Problem(layout.FINGERPRINTS_TABLE, "its columns are not those of builder.schema")
            return
        hashes = whole_table(file, ["sha256"])["sha256"].combine_chunks()
    named = pc.unique(table["sha256"]).drop_null()
    if len(hashes) != len(named) or not pc.all(pc.is_in(hashes, value_set=named)).as_py():
        yield Problem(
            layout.FINGERPRINTS_TABLE, f"has {len(hashes)} whole images; the rows name {len(named)}, or others"
        )
    elif len(hashes) > 1 and not pc.all(pc.less(hashes[:-1], hashes[1:])).as_py():
        yield Problem(layout.FINGERPRINTS_TABLE, "is not sorted by sha256, or names an image twice")


def check_content(package: Store, table: pa.Table) -> tuple[list[Problem], list[Pair]]:
    """Compare the sides of the split by content alone.

    Returns problems (the same pixels), and pairs that look alike.

    Parameters
    ----------
    table : idx, filename, sha256 and split of each example
    """
    found = content_audit(table, read_fingerprints(package))
    lines = (f"{_named(table, pair)}: their whole images have the same pixels" for pair in found.same)
    return list(_listed(layout.METADATA_TABLE, lines, len(found.same))), found.alike


def check_alike(package: Store, files: Mapping[str, Any], table: pa.Table, pairs: Sequence[Pair]) -> Iterator[Problem]:
    """Yield warnings about pairs that look alike.

    The most alike come first; pairs of round cells count only if their grain is the same.

    Parameters
    ----------
    files : of the manifest; the shards must be intact
    table : idx, filename and sha256 of each example
    """
    found = judged(package, files, table, pairs)
    lines = (f"{_named(table, pair)} look alike: correlation {pair.correlation:.3f}" for pair in found.alike)
    yield from _listed(layout.FINGERPRINTS_TABLE, lines, len(found.alike))
    if found.outlines:
        what = f"{found.outlines:,} pairs across the split are alike in outline and differ in grain, as round cells are"
        yield Problem(layout.FINGERPRINTS_TABLE, what)
    if found.left:
        yield Problem(layout.FINGERPRINTS_TABLE, f"{found.left:,} more pairs are alike in outline; not looked at")


def _listed(path: str, lines: Iterator[str], count: int) -> Iterator[Problem]:
    for line in itertools.islice(lines, _LISTED):
        yield Problem(path, line)
    if count > _LISTED:
        yield Problem(path, f"and {count - _LISTED:,} more pairs like these")


def check_overlaps(package: Store, files: Mapping[str, Any], table: pa.Table, workers: int = 1) -> Iterator[Problem]:
    """Yield warnings about validation examples that overlap training examples.

    Parameters
    ----------
    files : of the manifest; the shards must be intact
    table : idx, filename and sha256 of each example
    """
    found = overlap_audit(package, files, workers)
    pairs = of_other_images(found.pairs, table)
    lines = (
        f"{_named(table, pair)} show the same part of a scene, {pair.share:.0%} of the smaller: "
        f"correlation {pair.correlation:.3f}"
        for pair in pairs
    )
    yield from _listed(layout.METADATA_TABLE, lines, len(pairs))
    if found.left:
        yield Problem(layout.METADATA_TABLE, f"{found.left:,} more pairs may overlap, with fewer points in common")


def whole_fault(pixels: npt.NDArray[np.uint8], sha256: str | None, thumbnail: bytes | None) -> str | None:
    """Return how a whole image contradicts its fingerprint, or None."""
    found = fingerprint(pixels)
    if sha256 is not None and found.sha256 != sha256:
        return "has other pixels than its sha256 says"
    if thumbnail is not None and found.thumbnail != thumbnail:
        return "has another thumbnail than fingerprints.parquet says"
    return None


def thumbnails_of(package: Store, hashes: Sequence[str | None]) -> dict[str, bytes]:
    """Return the thumbnails of images by sha256.

    Those that the package lacks are left out; one row group is read at a time.
    """
    wanted = pa.array(sorted({text for text in hashes if text}), pa.string())
    found: dict[str, bytes] = {}
    with package.open(layout.FINGERPRINTS_TABLE) as file, opened(file) as parquet:
        for group in range(len(parquet.rows)):
            rows = parquet.read([group])
            rows = rows.filter(pc.is_in(rows["sha256"], value_set=wanted))
            found.update(zip(*(rows[name].to_pylist() for name in FINGERPRINTS.names), strict=True))
    return found


def _named(table: pa.Table, pair: Pair | Overlap) -> str:
    sides: list[dict[str, Any]] = table.select(["filename", "idx"]).take([pair.train, pair.validation]).to_pylist()
    return " (training) and ".join(f"{side['filename']} of {side['idx']}" for side in sides) + " (validation)"
