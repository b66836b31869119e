"""Do examples of validation show a part of what examples of training show? Asked of the decoded pixels alone."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from builder.engine.store import Store
from builder.package.data_files import data_batches
from builder.package.examples_at import examples_at
from builder.pixels.keypoints import KeyPoints, key_points
from builder.pixels.overlap import OVERLAP, Index, Proposal, common_part
from builder.schema import SPLITS
from cytoimagenet_reader import layout
from cytoimagenet_reader.decode import decode

_AT_ONCE: Final = 2000  # examples of training that are compared at a time
_JUDGED: Final = 5_000  # pairs: their images are held in memory


class Overlap(NamedTuple):
    """Two examples, by their row in ``metadata.parquet``, that show one part of a scene."""

    train: int
    validation: int
    correlation: float  # of the structure of the common part
    share: float  # of the smaller of the two that is common


class OverlapAudit(NamedTuple):
    """The pairs that overlap, the most alike first, and how many that may do were not looked at."""

    pairs: list[Overlap]
    left: int


def overlap_audit(package: Store, files: Mapping[str, Any], workers: int = 1) -> OverlapAudit:
    """Compare the examples of both sides, at the scale and in the orientation that they have.

    Key points propose pairs (`builder.pixels.overlap`), of which the 5,000 with most points in common are aligned and
    correlated.

    Parameters
    ----------
    files : of the manifest; the shards must be intact
    workers : threads
    """
    train, validation = (layout.shards_of(files, layout.FULL, side) for side in SPLITS)
    first_validation = sum(files[path]["rows"] for path in train)
    with ThreadPoolExecutor(workers) as threads:
        index = Index(list(_points(package, validation, threads)))
        proposals: list[Proposal] = []
        examples = enumerate(_points(package, train, threads))
        while some := list(itertools.islice(examples, _AT_ONCE)):
            start = some[0][0]
            found = index.proposals([points for _, points in some])
            proposals += [
                proposal._replace(first=start + proposal.first, second=first_validation + proposal.second)
                for proposal in found
            ]
        proposals.sort(key=lambda proposal: (-proposal.points, proposal.first, proposal.second))
        judged = proposals[:_JUDGED]
        pairs = list(_judged(package, files, judged, threads))
    pairs.sort(key=lambda pair: (-pair.correlation, pair.train, pair.validation))
    return OverlapAudit(pairs, len(proposals) - len(judged))


def _points(package: Store, paths: list[str], threads: ThreadPoolExecutor) -> Iterator[KeyPoints]:
    """Yield the key points of each example, in order."""
    for path in paths:
        with package.open(path) as file:
            for batch in data_batches(file, path, ["image"], 100):
                images = batch["image"].field("bytes").to_pylist()
                yield from threads.map(_points_of, images)


def _points_of(png: bytes) -> KeyPoints:
    return key_points(decode(png))


def _judged(
    package: Store, files: Mapping[str, Any], proposals: list[Proposal], threads: ThreadPoolExecutor
) -> Iterator[Overlap]:
    """Yield the proposals, ``first`` and ``second`` being rows, that the pixels confirm."""
    rows = sorted({row for proposal in proposals for row in (proposal.first, proposal.second)})
    images = dict(zip(rows, examples_at(package, files, list(_places(files, rows))), strict=True))

    def overlap(proposal: Proposal) -> Overlap:
        one, other = (decode(images[row]) for row in (proposal.first, proposal.second))
        common = common_part(one, other, proposal.shift)
        return Overlap(proposal.first, proposal.second, common.correlation, common.share)

    yield from (found for found in threads.map(overlap, proposals) if found.correlation > OVERLAP)


def _places(files: Mapping[str, Any], rows: list[int]) -> Iterator[tuple[str, int]]:
    """Yield the shard, without its ending, and the position of rows of ``metadata.parquet``, given in order."""
    paths = [path for side in SPLITS for path in layout.shards_of(files, layout.FULL, side)]
    ends = list(itertools.accumulate(files[path]["rows"] for path in paths))
    for row in rows:
        shard = bisect.bisect_right(ends, row)
        yield paths[shard].rpartition(".")[0], row - (ends[shard - 1] if shard else 0)
