"""Leakage audit: overlapping scenes in training and validation examples.

Only the decoded pixels are compared.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import pyarrow as pa

from builder.engine.store import Store
from builder.package.data_files import data_batches
from builder.package.examples_at import examples_of
from builder.pixels.keypoints import KeyPoints, key_points
from builder.pixels.overlap import overlap
from builder.pixels.overlap_candidates import Index, Proposal
from builder.schema import SPLITS
from cytoimagenet_reader import layout
from cytoimagenet_reader.decode import decode

_AT_ONCE: Final = 2000  # examples of training, of one source, that are compared at a time
_POINTS: Final = (64_000_000, 8_000_000)  # of all examples of training and of validation
_FEWEST, _MOST = 64, 4096  # points of an example
_JUDGED: Final = 5_000  # pairs: their images are held in memory


class Overlap(NamedTuple):
    """Two examples that show one part of a scene.

    ``first`` and ``second`` are their rows in ``metadata.parquet``.
    """

    train: int
    validation: int
    correlation: float  # of the structure of the common part
    share: float  # of the smaller of the two that is common


class OverlapAudit(NamedTuple):
    """Overlapping pairs, most alike first, and what was skipped."""

    pairs: list[Overlap]
    left: int  # pairs that may overlap
    most: int  # key points of an example that were looked at


def overlap_audit(package: Store, files: Mapping[str, Any], workers: int = 1) -> OverlapAudit:
    """Find overlaps between training and validation examples.

    They are compared at the scale and in the orientation that they have. Key points propose pairs of one source
    (`builder.pixels.overlap_candidates`), of which the 5,000 with most points in common are aligned and correlated. The
    work is bounded: at most 4,096 points are taken of an example, fewer where all have more than 64 million (training)
    or 8 million (validation), but 64.

    Parameters
    ----------
    files : of the manifest; the shards must be intact
    workers : threads
    """
    train, validation = (layout.shards_of(files, layout.FULL, side) for side in SPLITS)
    sizes = [max(1, sum(files[path]["rows"] for path in paths)) for paths in (train, validation)]
    most = min(_MOST, max(_FEWEST, min(points // size for points, size in zip(_POINTS, sizes, strict=True))))
    first_validation = sum(files[path]["rows"] for path in train)
    with ThreadPoolExecutor(workers) as threads:
        indices = {
            name: (rows, Index(points))
            for name, rows, points in _by_source(_points(package, validation, most, threads), None)
        }
        best: list[Proposal] = []
        count = 0
        for name, rows, points in _by_source(_points(package, train, most, threads), _AT_ONCE):
            if name not in indices:
                continue
            theirs, index = indices[name]
            found = [
                proposal._replace(first=rows[proposal.first], second=first_validation + theirs[proposal.second])
                for proposal in index.proposals(points)
            ]
            count += len(found)
            best = heapq.nsmallest(_JUDGED, [*best, *found], key=lambda one: (-one.points, one.first, one.second))
        pairs = list(_judged(package, files, best, threads))
    pairs.sort(key=lambda pair: (-pair.correlation, pair.train, pair.validation))
    return OverlapAudit(pairs, count - len(best), most)


def of_other_images(pairs: list[Overlap], table: pa.Table) -> list[Overlap]:
    """Drop the pairs that come from the same whole image.

    Such a pair is more than an overlap.

    Parameters
    ----------
    table : sha256 of each example
    """
    hashes = table["sha256"].take(pa.array([row for pair in pairs for row in pair[:2]], pa.int64())).to_pylist()
    return [
        pair for pair, one, other in zip(pairs, hashes[::2], hashes[1::2], strict=True) if one is None or one != other
    ]


def _by_source(
    examples: Iterator[tuple[str, KeyPoints]], at_once: int | None
) -> Iterator[tuple[str, list[int], list[KeyPoints]]]:
    """Yield each source's examples with their rows, in batches.

    Where ``at_once`` is None, a batch holds all examples of a source.
    """
    waiting: dict[str, tuple[list[int], list[KeyPoints]]] = {}
    for row, (name, points) in enumerate(examples):
        rows, found = waiting.setdefault(name, ([], []))
        rows.append(row)
        found.append(points)
        if len(rows) == at_once:
            yield (name, *waiting.pop(name))
    for name, (rows, found) in waiting.items():
        yield name, rows, found


def _points(
    package: Store, paths: list[str], most: int, threads: ThreadPoolExecutor
) -> Iterator[tuple[str, KeyPoints]]:
    """Yield the source and key points of each example."""
    for path in paths:
        with package.open(path) as file:
            for batch in data_batches(file, path, ["image", "dir_name"], 100):
                images = batch["image"].field("bytes").to_pylist()
                found = threads.map(lambda png: key_points(decode(png), most), images)
                yield from zip(batch["dir_name"].to_pylist(), found, strict=True)


def _judged(
    package: Store, files: Mapping[str, Any], proposals: list[Proposal], threads: ThreadPoolExecutor
) -> Iterator[Overlap]:
    """Yield the proposals that the pixels confirm, by row."""
    rows = sorted({row for proposal in proposals for row in (proposal.first, proposal.second)})
    images = dict(zip(rows, examples_of(package, files, rows), strict=True))

    def judged(proposal: Proposal) -> Overlap | None:
        found = overlap(decode(images[proposal.first]), decode(images[proposal.second]), proposal)
        return found and Overlap(proposal.first, proposal.second, found.correlation, found.share)

    yield from filter(None, threads.map(judged, proposals))
