"""Single examples of a package, by shard and position."""

from __future__ import annotations

import bisect
import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from builder.engine.store import Store
from builder.package.data_files import data_batches, opened
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
    found = dict(each_example(package, files, places))
    return [found[place] for place in places]


def each_example(
    package: Store, files: Iterable[str], places: Iterable[tuple[str, int]]
) -> Iterator[tuple[tuple[str, int], bytes]]:
    """Yield each place and its PNG, batch by batch.

    Places come shard by shard, in the order of their rows; each once. Places that no row of a shard has are left out.

    Raises
    ------
    KeyError
        Where the package has no such shard.
    """
    path_of = {path.rpartition(".")[0]: path for path in files}
    wanted: dict[str, set[int]] = {}
    for shard, position in places:
        wanted.setdefault(shard, set()).add(position)
    for shard, positions in wanted.items():
        ascending = sorted(positions)
        for start, images in _images(package, path_of[shard], ascending):
            low, high = (bisect.bisect_left(ascending, bound) for bound in (start, start + len(images)))
            for position in ascending[low:high]:
                yield (shard, position), images[position - start].as_py()


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


def _images(package: Store, path: str, wanted: Sequence[int]) -> Iterator[tuple[int, pa.Array]]:
    """Yield the first row's number and the PNGs of batches.

    Of Parquet no row group is read that holds no wanted row. A local stream is mapped, so that of other batches only
    the offsets are looked at. Nothing behind the last wanted row is read.

    Parameters
    ----------
    wanted : rows, ascending
    """
    start = 0
    with contextlib.ExitStack() as stack:
        local = package.local(path)
        if path.endswith(".parquet"):
            parquet = stack.enter_context(opened(stack.enter_context(package.open(path))))
            for group, size in enumerate(parquet.rows):
                if bisect.bisect_left(wanted, start) < bisect.bisect_left(wanted, start + size):
                    yield start, parquet.read([group], ["image"])["image"].combine_chunks().field("bytes")
                start += size
            return
        file = stack.enter_context(package.open(path) if local is None else pa.memory_map(local))
        for batch in data_batches(file, path, ["image"]):
            yield start, batch.column("image").field("bytes")
            start += batch.num_rows
            if not wanted or start > wanted[-1]:
                return
