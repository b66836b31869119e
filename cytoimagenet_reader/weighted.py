"""Epochs in which examples are drawn by weight.

Classes are balanced, or weights are given by class or by a column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cytoimagenet_reader.arguments import suggestion
from cytoimagenet_reader.errors import PackageError
from cytoimagenet_reader.layout import METADATA_TABLE
from cytoimagenet_reader.package import Package
from cytoimagenet_reader.remote.files import read_columns
from cytoimagenet_reader.selection import Selection
from cytoimagenet_reader.streams import Stream

Weights = npt.NDArray[np.float64]


class Drawn(NamedTuple):
    """The weight (float64) and group number of each row.

    A row's group is its class, or its weight.
    """

    weights: Weights
    groups: npt.NDArray[np.int64]


class WeightedStreams:
    """Streams of epochs whose rows are drawn by weight.

    An epoch holds as many rows as the split has, each drawn in proportion to its weight. Systematic resampling, group
    by group and within a group in a drawn order: of an epoch's n rows, one of weight w is given floor(n w / sum) or one
    more times, and a group's share is met to one example. Kitagawa (1996), J. Comput. Graph. Stat. 5, 1-25.

    Parameters
    ----------
    drawn : the weights, in the order of the selection's shards
    """

    def __init__(self, selection: Selection, split: str, drawn: Drawn, seed: int) -> None:
        self._selection, self._split, self._drawn, self._seed = selection, split, drawn, seed
        self._shards = [shard for shard in selection.shards if shard.split == split]
        self._rows = _rows_of(selection, split)

    def __call__(self, epoch: int, world_size: int) -> list[Stream]:
        weights, groups = self._drawn
        draw = np.random.default_rng([self._seed, epoch, len(weights)])
        order = np.lexsort((draw.random(len(weights)), groups))
        ends = np.cumsum(weights[order])
        ends *= len(ends) / ends[-1]
        ends[-1] = len(ends)  # not a rounding error less
        copies = np.empty(len(ends), np.int64)
        copies[order] = np.diff(np.floor(ends + draw.random()), prepend=0)
        rows: dict[str, Any] = {}
        start = 0
        for path, wanted in self._rows.items():
            rows[path] = np.repeat(wanted, copies[start : start + len(wanted)])
            start += len(wanted)
        shards = [shard for shard in self._shards if len(rows[shard.path])]
        return self._selection._replace(shards=shards, rows=rows).streams(self._split, world_size)

    def digest(self) -> str:
        """Return 64 hex digits that identify these weights."""
        return hashlib.sha256(self._drawn.weights.astype("<f8").tobytes()).hexdigest()


def row_weights(package: Package, selection: Selection, split: str, weights: Mapping[str, float] | str | None) -> Drawn:
    """Return a weight for each row of a split.

    Weights are in the order of its shards; only the metadata is read.

    Parameters
    ----------
    weights : by class name; or the name of a column of numbers; None gives all classes the same share

    Raises
    ------
    PackageError
        For a class or column that does not exist, a class without a weight, or a weight that is not a number of 0 or
        more.
    """
    column = weights if isinstance(weights, str) else "label"
    values = _values(package, selection, split, column)
    if isinstance(weights, str):
        if not all(isinstance(value, int | float) for value in values):
            raise PackageError(f"the column {weights!r} cannot be used as weights: not every row has a number there")
        found = np.array(values, np.float64)
        groups = np.unique(found, return_inverse=True)[1]
    else:
        names, groups, counts = np.unique(np.array(values, object), return_inverse=True, return_counts=True)
        found = _by_class(list(names), counts, weights)[groups]
    if not (np.isfinite(found).all() and (found >= 0).all() and found.sum() > 0):
        raise PackageError("weights must be numbers of 0 or more, and not all 0")
    return Drawn(found, groups.astype(np.int64))


def _by_class(names: list[str], counts: Any, weights: Mapping[str, float] | None) -> Weights:
    """Return the weight of an example of each class."""
    if weights is None:
        return np.asarray(1.0 / counts)
    for name in weights:
        if name not in names:
            raise PackageError(f"weights name {name!r}, which no example has{suggestion(name, names)}")
    if missing := [name for name in names if name not in weights]:
        raise PackageError(f"weights lack {len(missing)} classes, {missing[0]!r} among them")
    return np.array([float(weights[name]) for name in names])


def _values(package: Package, selection: Selection, split: str, column: str) -> list[Any]:
    known = [name for name in package.schema.names if name != "image"]
    if column not in known:
        raise PackageError(f"no column {column!r} to weigh by{suggestion(column, known)}")
    table = read_columns(package.url(METADATA_TABLE), package.storage_options, [column, "shard", "position"])
    found: list[Any] = []
    for path, rows in _rows_of(selection, split).items():
        here = table.filter(pc.equal(table["shard"], path.rpartition(".")[0])).sort_by("position")
        found += here[column].take(pa.array(rows)).to_pylist()
    return found


def _rows_of(selection: Selection, split: str) -> dict[str, Any]:
    shards = (shard for shard in selection.shards if shard.split == split)
    every = selection.rows
    return {shard.path: np.arange(shard.rows) if every is None else every[shard.path] for shard in shards}
