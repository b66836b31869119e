"""Rows of record batches and of interleaved streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, Protocol, TypeVar

import datasets
import pyarrow as pa

from cytoimagenet_reader.batches import wanted_batches
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.prefetched import Prefetched
from cytoimagenet_reader.streams import Part, Run, category_order, runs_after
from cytoimagenet_reader.views import views

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
            pairs = zip(views(values.field("bytes")), values.field("path").to_pylist(), strict=True)
            return ({"bytes": bytes(data), "path": path} for data, path in pairs)
        listed: list[Any] = values.to_pylist()
        return [self._ids[label] for label in listed] if name == "label" else listed


class TrainingRows:
    """A converter of record batches to training examples.

    An example has the PNG, not copied, the class id and ``columns``.
    """

    def __init__(self, classes: Sequence[str], columns: Sequence[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(("image", "label", *columns)))
        self._ids, self._columns = {name: i for i, name in enumerate(classes)}, columns

    def rows(self, batch: pa.RecordBatch) -> Iterator[Example]:
        """Yield a batch's rows; their views keep it in memory."""
        labels = [self._ids[label] for label in batch.column("label").to_pylist()]
        images = views(batch.column("image").field("bytes"))
        columns = [batch.column(name).to_pylist() for name in self._columns]
        extras = zip(*columns, strict=True) if columns else repeat(())
        return map(Example, images, labels, extras)


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
