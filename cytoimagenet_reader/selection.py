"""A config of a package, narrowed by a filter: its classes, features, shards and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cytoimagenet_reader.batches import shard_schema
from cytoimagenet_reader.errors import PackageError
from cytoimagenet_reader.filters import Filter, as_list
from cytoimagenet_reader.package import FULL, Package, Shard
from cytoimagenet_reader.remote.files import read_columns
from cytoimagenet_reader.stamps import note
from cytoimagenet_reader.streams import Rows, Stream, cut_streams

_FILTERED = ["label", "dir_name", "database", "license", "microscopy", "crop", "shard", "position"]


class Selection(NamedTuple):
    """A config of a package: its classes in ClassLabel order, its features, its shards and the wanted rows of each."""

    classes: list[str]
    features: datasets.Features
    shards: list[Shard]
    rows: dict[str, Rows] | None  # None: all
    batch_rows: int  # of most record batches

    def splits(self) -> list[str]:
        """Return the splits that have shards, train first."""
        return sorted({shard.split for shard in self.shards}, key=lambda s: (s != "train", s))

    def streams(self, split: str, multiple: int = 1) -> list[Stream]:
        """Cut a split into streams, a multiple of ``multiple``; see ``cut_streams``.

        Raises
        ------
        PackageError
            Where the config has no such split.
        """
        shards = [shard for shard in self.shards if shard.split == split]
        if not shards:
            raise PackageError(f"no split {split!r}; there are {', '.join(self.splits())}")
        return cut_streams(shards, self.rows, self.batch_rows, multiple)


def select(package: Package, config: str, wanted: Filter, columns: Sequence[str] | None) -> Selection:
    """Return the classes, features and rows of a config.

    Raises
    ------
    PackageError
        Where the package has no such config, class, column or nothing that passes the filter.
    """
    if config not in package.classes:
        raise PackageError(f"{package.place} holds no {config!r}; it has {', '.join(package.classes)}")
    classes = list(package.classes[config]["names"])
    shards = sorted((s for s in package.shards if config in (FULL, s.category)), key=lambda s: s.reading_position)
    if not shards:
        raise PackageError(f"{package.place} lists no data file of {config!r}")
    rows: dict[str, Rows] | None = None
    if wanted:
        rows, classes = _passing(package, config, wanted, classes, shards)
        shards = [shard for shard in shards if shard.path in rows]
    note(package, shards)
    features = _features(shard_schema(package, shards[0]), classes)
    unknown = [column for column in columns or () if column not in features]
    if unknown:
        raise PackageError(f"no column {', '.join(unknown)}; there are {', '.join(features)}")
    if columns is not None:
        features = datasets.Features({column: features[column] for column in features if column in set(columns)})
    return Selection(classes, features, shards, rows, package.batch_rows)


def _passing(
    package: Package, config: str, wanted: Filter, classes: list[str], shards: list[Shard]
) -> tuple[dict[str, Rows], list[str]]:
    """Return, by shard, the rows that pass the filter, and the classes that have such rows."""
    unknown = sorted(set(as_list(wanted.labels or ())) - set(classes))
    if unknown:
        raise PackageError(f"no class {', '.join(map(repr, unknown))} in {config!r} of {package.place}")
    table = read_columns(package.url("metadata.parquet"), package.storage_options, _FILTERED)
    table = table.filter(wanted.mask(table, sorted(package.licenses)))
    paths = {shard.path.rpartition(".")[0]: shard.path for shard in shards}
    table = table.filter(pc.is_in(table["shard"], pa.array(list(paths), pa.string())))
    if not len(table):
        raise PackageError(f"nothing in {config!r} of {package.place} passes {wanted.describe()}")
    table = table.sort_by([("shard", "ascending"), ("position", "ascending")]).combine_chunks()
    positions = table["position"].to_numpy()
    of_shard = pc.value_counts(table["shard"])
    bounds = np.cumsum([0, *of_shard.field("counts").to_pylist()])
    rows: dict[str, Any] = {
        paths[shard]: positions[start:stop]
        for shard, start, stop in zip(of_shard.field("values").to_pylist(), bounds[:-1], bounds[1:], strict=True)
    }
    return rows, sorted(pc.unique(table["label"]).to_pylist())


def _features(schema: pa.Schema, classes: list[str]) -> datasets.Features:
    """Return the features of a config whose shards have this schema."""
    features = dict(datasets.Features.from_arrow_schema(schema.remove_metadata()))
    own = {"image": datasets.Image(), "label": datasets.ClassLabel(names=classes)}
    return datasets.Features({name: own.get(name, feature) for name, feature in features.items()})
