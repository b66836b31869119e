"""Estimates of a build's remaining work and disk space.

They are made from a sample of its files.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.run_logs import read_run
from builder.engine.space import Need, check_space, free_bytes, on_one_file_system
from builder.engine.status import status
from builder.engine.store import Store
from builder.errors import UserError
from builder.stages.category_order import category_order
from builder.stages.standardize.items import items_of
from builder.stages.standardize.part_images import bytes_of_images

log = logging.getLogger(__name__)

_EXAMPLE_BYTES = 63_000  # 56 GB over 890,737 examples of the published release
_IMAGES_PER_SECOND = 20.0  # a core, where WORK knows no rate of its own: five channels of about a megapixel
_ASKED_AT_ONCE = 32  # files of a remote store
_SAMPLED = 200  # images of a source whose files are measured
_LEAST_SHARE = 32  # examples take at least this part of the files they are made from (five channels of 16 bit give one)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Images still to standardise, by source, and their cost."""

    images: dict[str, int]
    input_bytes: int
    work_bytes: int
    package_bytes: int
    beside_bytes: int
    """What PACKAGE takes beside all PNGs in WORK where these are removed as shards are finished (``--frugal``)."""
    minutes: float


@dataclasses.dataclass(frozen=True)
class SpaceCheck:
    """Whether WORK and PACKAGE have space for a build."""

    data: Store
    work: Store
    package: Store
    frugal: bool
    workers: int

    def require(self, images: pa.Table, missing: pa.Table) -> None:
        """Raise if space is insufficient; warn if it is tight.

        Called before the work starts.

        Raises
        ------
        UserError
            With the least that is needed and what is free.
        """
        if free_bytes(self.work) is None and free_bytes(self.package) is None:
            return
        found = self.estimate(self.work, images, missing)
        least = found.input_bytes // _LEAST_SHARE
        check_space([dataclasses.replace(need, size=min(least, need.size)) for need in self.needs(found)])
        try:
            check_space(self.needs(found))
        except UserError as hardly:
            log.warning("by a rough estimate: %s", hardly)

    def estimate(self, annotations: Store, images: pa.Table, missing: pa.Table) -> Estimate:
        """Estimate the remaining work from sample files and the log."""
        counts = Counter(missing["dir_name"].to_pylist())
        examples = pc.sum(pc.max_element_wise(missing["crops"].cast(pa.int64()), 1)).as_py() or 0
        kept = pc.sum(pc.max_element_wise(images["crops"].cast(pa.int64()), 1)).as_py() or 0
        measured = {name: _bytes_per_image(self.data, annotations, missing, name) for name in counts}
        input_bytes = int(sum(measured[name] * count for name, count in counts.items()))
        most = 4 * max(input_bytes, 1)  # small or compressed inputs give small examples
        rate = _rate(self.work) or _IMAGES_PER_SECOND * max(1, self.workers)
        work_bytes = min(examples * _EXAMPLE_BYTES, most)
        package_bytes = min(kept * _EXAMPLE_BYTES, max(most * kept // max(examples, 1), 0))
        return Estimate(
            images=dict(sorted(counts.items())),
            input_bytes=input_bytes,
            work_bytes=work_bytes,
            package_bytes=package_bytes,
            beside_bytes=_beside(images, work_bytes + bytes_of_images(self.work), package_bytes),
            minutes=missing.num_rows / rate / 60,
        )

    def needs(self, found: Estimate) -> list[Need]:
        """Return what an estimate means for WORK and PACKAGE."""
        work = Need("WORK", self.work, found.work_bytes)
        if self.frugal and on_one_file_system(self.work, self.package):
            return [work, Need("PACKAGE, beside a WORK that shrinks", self.package, found.beside_bytes)]
        return [work, Need("PACKAGE", self.package, found.package_bytes)]


def _beside(images: pa.Table, work_bytes: int, package_bytes: int) -> int:
    """Return the most bytes that PACKAGE adds to WORK.

    That is where all parts of a source feed all categories of its images.
    """
    table = images.select(["dir_name", "category"])
    table = table.append_column("examples", pc.max_element_wise(images["crops"].cast(pa.int64()), 1))
    found = table.group_by(["dir_name", "category"]).aggregate([("examples", "sum")]).to_pylist()
    total = sum(row["examples_sum"] for row in found) or 1
    feeds: dict[str, set[str]] = {}
    for row in found:
        feeds.setdefault(row["dir_name"], set()).add(row["category"])
    work: Counter[frozenset[str]] = Counter()
    package: Counter[str] = Counter()
    for row in found:
        work[frozenset(feeds[row["dir_name"]])] += work_bytes * row["examples_sum"] // total
        package[row["category"]] += package_bytes * row["examples_sum"] // total
    return max(0, category_order(work, package)[1] - work_bytes)


def _bytes_per_image(data: Store, annotations: Store, missing: pa.Table, dir_name: str) -> float:
    """Return the mean file size of a source's first images.

    Boxes share a file.
    """
    mine = missing.filter(pc.equal(missing["dir_name"], dir_name))
    items = list(itertools.islice(items_of(annotations, mine), _SAMPLED))
    files = {file for item in items for file in item.files}
    return sum(_sizes(data, dir_name, files)) / len(items) if items else 0.0


def _sizes(data: Store, dir_name: str, files: set[str]) -> Iterator[int]:
    def size(file: str) -> int:
        try:
            return data.size(f"{dir_name}/{file}")
        except (OSError, ValueError):  # gone since it was listed, or not below it: the build will make it a reject
            return 0

    if data.local("") is not None:
        return map(size, files)
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        return iter(list(threads.map(size, files)))


def _rate(work: Store) -> float | None:
    """Return the last run's images per second, or None."""
    try:
        stages: dict[str, Any] = {stage.name: stage for stage in status(read_run(work))}
    except FileNotFoundError:
        return None
    return stages["standardize"].rate or None if "standardize" in stages else None
