"""Rows of a stream as Arrow tables, in ``rows.interleaved`` order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cytoimagenet_reader.batches import wanted_batches
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.prefetched import Prefetched
from cytoimagenet_reader.streams import Part, category_order

_ROWS = 100  # of a table of several categories, at most


def stream_tables(
    package: Package,
    stream: Sequence[Part],
    copies: Mapping[str, str],
    features: datasets.Features,
    skip: int = 0,
    prefetched: Prefetched | None = None,
) -> Iterator[pa.Table]:
    """Yield the rows of a stream after the first ``skip``.

    Class ids take the place of class names. Rows of one category are record batches as they lie in the shard; of
    several, each image is an array of its own. None is copied.

    Raises
    ------
    ShardError
        Where a shard cannot be read, has another number of rows, or a class that ``classes.json`` does not name.
    """
    categories: dict[str, list[Part]] = {}
    for part in stream:
        categories.setdefault(part.shard.category, []).append(part)
    counts = [sum(part.stop - part.start for part in parts) for parts in categories.values()]
    places = category_order(counts)
    taken = np.bincount(places[:skip], minlength=len(counts)).tolist()
    runs = [
        _Run(_converted(package, parts, copies, features, past, prefetched))
        for parts, past in zip(categories.values(), taken, strict=True)
    ]
    if len(runs) == 1:
        yield from map(pa.Table.from_batches, ([batch] for batch in runs[0].batches))
        return
    for start in range(skip, len(places), _ROWS):
        here = places[start : start + _ROWS]
        pieces = [batch for place, run in enumerate(runs) for batch in run.take(int(np.sum(here == place)))]
        yield _ordered(pieces, np.argsort(np.argsort(here, kind="stable")))


def _ordered(pieces: Sequence[pa.RecordBatch], order: np.ndarray[Any, Any]) -> pa.Table:
    """Return rows in an order.

    Images stay where they lie, an array each.
    """
    place = pieces[0].schema.get_field_index("image")
    if place < 0:
        return pa.Table.from_batches(pieces).take(pa.array(order))
    images = [piece.column(place).slice(row, 1) for piece in pieces for row in range(len(piece))]
    column = pa.chunked_array([images[row] for row in order.tolist()])
    field = pieces[0].schema.field(place)
    others = [piece.remove_column(place) for piece in pieces]
    if not others[0].num_columns:
        return pa.table([column], schema=pieces[0].schema)
    return pa.Table.from_batches(others).take(pa.array(order)).add_column(place, field, column)


class _Run:
    """A category's record batches, taken some rows at a time."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.batches = batches
        self._rest: pa.RecordBatch | None = None

    def take(self, count: int) -> Iterator[pa.RecordBatch]:
        """Yield the next ``count`` rows."""
        while count:
            batch = self._rest or next(self.batches)
            yield batch.slice(0, count)
            self._rest = batch.slice(count) if count < len(batch) else None
            count -= min(count, len(batch))


def _converted(
    package: Package,
    parts: Sequence[Part],
    copies: Mapping[str, str],
    features: datasets.Features,
    skip: int,
    prefetched: Prefetched | None,
) -> Iterator[pa.RecordBatch]:
    """Yield one category's rows after the first ``skip``."""
    schema = features.arrow_schema
    classes = pa.array(features["label"].names, pa.string()) if "label" in features else None
    for part in parts:
        if skip >= part.stop - part.start:
            skip -= part.stop - part.start
            continue
        part = part._replace(start=part.start + skip)
        skip = done = 0
        for batch in wanted_batches(package, part, copies.get(part.shard.path), list(features), prefetched):
            columns = {name: batch.column(name) for name in features}
            if classes is not None:
                ids = pc.index_in(columns["label"], value_set=classes)
                if ids.null_count:
                    name = columns["label"].filter(ids.is_null())[0].as_py()
                    raise package.fault(part.shard, f"it holds class {name!r}, which classes.json does not name")
                columns["label"] = ids.cast(pa.int64())
            yield pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
            done += len(batch)
        if done != part.stop - part.start:
            raise package.fault(part.shard, f"it ended after {done} of {part.stop - part.start} rows")
