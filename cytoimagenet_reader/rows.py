"""Rows of record batches and of interleaved streams."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, Protocol, TypeVar

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cytoimagenet_reader.batches import wanted_batches
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.prefetched import Prefetched
from cytoimagenet_reader.streams import Part, Run, category_order, runs_after

Row = TypeVar("Row", covariant=True)


class Example(NamedTuple):
    """The PNG, class id and further columns of a row.

    The PNG is bytes or a view of them.
    """

    data: Any
    label: int
    extras: tuple[Any, ...] = ()


class RowFormat(Protocol[Row]):
    """A converter of record batches to rows.

    It needs the columns ``names``.
    """

    @property
    def names(self) -> Sequence[str]: ...

    def rows(self, batch: pa.RecordBatch) -> Iterator[Row]: ...


class DictRows:
    """Record batches to Python dicts, column by column."""

    def __init__(self, features: datasets.Features) -> None:
        self.names = list(features)
        label = features.get("label")
        self._ids = {name: i for i, name in enumerate(label.names)} if label is not None else {}

    def rows(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
        """Yield the rows of a batch as dicts.

        The label is the class id, the image its bytes and path.
        """
        names = self.names
        columns = [self._column(name, batch.column(name)) for name in names]
        return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))

    def _column(self, name: str, values: pa.Array) -> Iterable[Any]:
        if name == "image":
            pairs = zip(_views(values.field("bytes")), values.field("path").to_pylist(), strict=True)
            return ({"bytes": bytes(data), "path": path} for data, path in pairs)
        if pa.types.is_string(values.type):
            coded = values.dictionary_encode()  # few different texts a batch: each becomes a Python object once
            texts = coded.dictionary.to_pylist()
            if name == "label":
                texts = [self._ids[text] for text in texts]
            return [None if i is None else texts[i] for i in coded.indices.to_pylist()]
        listed: list[Any] = values.to_pylist()
        return listed


class TrainingRows:
    """A converter of record batches to training examples.

    An example has the PNG, not copied, the class id and ``columns``.
    """

    def __init__(self, classes: Sequence[str], columns: Sequence[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(("image", "label", *columns)))
        self._classes, self._columns = pa.array(classes, pa.string()), columns

    def rows(self, batch: pa.RecordBatch) -> Iterator[Example]:
        """Yield a batch's rows; their views keep it in memory."""
        labels = batch.column("label")
        ids = pc.index_in(labels, value_set=self._classes)
        if ids.null_count:
            raise KeyError(labels.filter(ids.is_null())[0].as_py())
        images = _views(batch.column("image").field("bytes"))
        columns = [batch.column(name).to_pylist() for name in self._columns]
        extras = zip(*columns, strict=True) if columns else repeat(())
        return map(Example, images, ids.to_pylist(), extras)


def _views(data: pa.BinaryArray | pa.BinaryViewArray) -> Iterator[memoryview]:
    """Yield views of the values of a binary array."""
    _, places, *contents = data.buffers()
    views = [memoryview(content or b"").cast("B") for content in contents]
    found = np.frombuffer(places, np.int32)
    if pa.types.is_binary_view(data.type):  # of values that are too long to lie in the array itself
        heads = found.reshape(-1, 4)[data.offset : data.offset + len(data), [0, 2, 3]].tolist()
        return (views[number][start : start + size] for size, number, start in heads)
    bounds = found[data.offset : data.offset + len(data) + 1].tolist()
    return (views[0][start:stop] for start, stop in itertools.pairwise(bounds))


def interleaved(
    package: Package,
    stream: Sequence[Part],
    copies: Mapping[str, str],
    rows: RowFormat[Row],
    skip: int = 0,
    prefetched: Prefetched | None = None,
) -> Iterator[tuple[int, Row]]:
    """Yield (key, row) of a stream with categories interleaved.

    Row i of a category's n is at (i + 1/2) / n of the way.

    Parameters
    ----------
    copies : by path of a shard, where a local copy is
    skip : rows to leave out at the start; what lies in batches before them is not read
    prefetched : what fetches the record batches of this stream, and of those before and after it

    Raises
    ------
    ShardError
        Where a shard cannot be read, has another number of rows, or a class that ``classes.json`` does not name.
    """
    runs = runs_after(tuple(stream), skip)
    rows_of = [_run(package, run, copies, rows, prefetched) for run in runs]
    if len(runs) == 1:
        yield from rows_of[0]
        return
    for place in category_order([run.total for run in runs])[skip:].tolist():
        yield next(rows_of[place])
    for rest in rows_of:
        yield from rest  # none, but its end is where a shard is checked


def _run(
    package: Package,
    run: Run,
    copies: Mapping[str, str],
    rows: RowFormat[Row],
    prefetched: Prefetched | None,
) -> Iterator[tuple[int, Row]]:
    """Yield (key, row) of one category's parts."""
    done = run.done
    for part in run.parts:
        key = part.key
        begun = done
        for batch in wanted_batches(package, part, copies.get(part.shard.path), rows.names, prefetched, True):
            try:
                found = rows.rows(batch)
            except KeyError as error:
                why = f"it holds class {error}, which classes.json does not name"
                raise package.fault(part.shard, why) from None
            for row in found:
                yield key + done - begun, row
                done += 1
        if done - begun != part.stop - part.start:
            raise package.fault(part.shard, f"it ended after {done - begun} of {part.stop - part.start} rows")
