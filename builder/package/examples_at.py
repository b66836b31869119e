"""Single examples of a package, by shard and position."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from builder.engine.store import Store
from builder.package.data_files import data_batches
from builder.schema import SPLITS
from cytoimagenet_reader import layout


def examples_at(package: Store, files: Iterable[str], places: Sequence[tuple[str, int]]) -> list[bytes]:
    """Return the PNG at each place.

    A place is (shard without its ending, row of the shard). A shard is read once, up to its last.

    Raises
    ------
    KeyError
        Where the package has no such shard or row.
    """
    path_of = {path.rpartition(".")[0]: path for path in files}
    wanted: dict[str, set[int]] = {}
    for shard, position in places:
        wanted.setdefault(shard, set()).add(position)
    found: dict[tuple[str, int], bytes] = {}
    for shard, positions in wanted.items():
        start = 0
        for images in _images(package, path_of[shard]):
            here = [position for position in positions if start <= position < start + len(images)]
            found.update({(shard, position): images[position - start].as_py() for position in here})
            start += len(images)
            if start > max(positions):
                break
    return [found[place] for place in places]


def examples_of(package: Store, files: Mapping[str, Any], rows: Sequence[int]) -> list[bytes]:
    """Return the PNG of rows of ``metadata.parquet``, given in order.

    Parameters
    ----------
    files : of the manifest
    """
    return examples_at(package, files, list(_places(files, rows)))


def _places(files: Mapping[str, Any], rows: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield the shard and position of each row.

    The shard is without its ending.
    """
    paths = [path for side in SPLITS for path in layout.shards_of(files, layout.FULL, side)]
    ends = list(itertools.accumulate(files[path]["rows"] for path in paths))
    for row in rows:
        shard = bisect.bisect_right(ends, row)
        yield paths[shard].rpartition(".")[0], row - (ends[shard - 1] if shard else 0)


def _images(package: Store, path: str) -> Iterator[pa.Array]:
    """Yield the PNGs of a shard, batch by batch."""
    with package.open(path) as file:
        for batch in data_batches(file, path, ["image"], 100):
            yield batch.column("image").field("bytes")
