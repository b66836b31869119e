"""A package's config narrowed by a filter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cytoimagenet_reader.arguments import suggestion
from cytoimagenet_reader.batches import read_schema, shard_schema
from cytoimagenet_reader.errors import PackageError
from cytoimagenet_reader.file_signatures import note
from cytoimagenet_reader.filters import SITES, Filter, as_list
from cytoimagenet_reader.image_feature import PackageImage
from cytoimagenet_reader.layout import METADATA_CONFIG, METADATA_TABLE
from cytoimagenet_reader.package import FULL, Package, Shard
from cytoimagenet_reader.remote.files import read_columns
from cytoimagenet_reader.streams import Part, Rows, Stream, cut_streams

_FILTERED = ["label", "dir_name", "database", "license", "microscopy", "crop", "shard", "position"]


class Selection(NamedTuple):
    """The classes, features, shards and wanted rows of a config.

    Classes are in ClassLabel order; wanted rows are given for each shard.
    """

    classes: list[str]
    features: datasets.Features
    shards: list[Shard]
    rows: dict[str, Rows] | None  # None: all
    batch_rows: int  # of most record batches

    def splits(self) -> list[str]:
        """Return the splits that have shards, train first."""
        return sorted({shard.split for shard in self.shards}, key=lambda s: (s != "train", s))

    def parts(self, split: str) -> list[Stream]:
        """Return a split's shards, each a stream.

        All rows are in reading order.
        """
        shards = (shard for shard in self.shards if shard.split == split)
        wanted = ((shard, None if self.rows is None else self.rows[shard.path]) for shard in shards)
        return [(Part(shard, 0, shard.rows if rows is None else len(rows), rows),) for shard, rows in wanted]

    def streams(self, split: str, multiple: int = 1) -> list[Stream]:
        """Cut a split into streams; see ``cut_streams``.

        Their number is a multiple of ``multiple``.

        Raises
        ------
        PackageError
            Where the config has no such split.
        """
        shards = [shard for shard in self.shards if shard.split == split]
        if not shards:
            near = suggestion(split, self.splits())
            raise PackageError(f"no split {split!r}; there are {', '.join(self.splits())}{near}")
        return cut_streams(shards, self.rows, self.batch_rows, multiple)


def select(
    package: Package, config: str, wanted: Filter, columns: Sequence[str] | None, label_ids: str | None = None
) -> Selection:
    """Return the classes, features and rows of a config.

    Parameters
    ----------
    label_ids : "full" for the ids that classes have in ``full``; None counts the classes that remain from 0

    Raises
    ------
    PackageError
        Where the package has no such config, class, column or nothing that passes the filter.
    """
    if config == METADATA_CONFIG:
        raise PackageError(
            f"the config {config!r} has no images: open it, or load_dataset({package.place!r}, {config!r})"
        )
    if config not in package.classes:
        near = suggestion(config, package.classes)
        raise PackageError(f"{package.place} holds no {config!r}; it has {', '.join(package.classes)}{near}")
    classes = list(package.classes[config]["names"])
    shards = sorted((s for s in package.shards if config in (FULL, s.category)), key=lambda s: s.reading_position)
    if not shards:
        raise PackageError(f"{package.place} lists no data file of {config!r}")
    rows: dict[str, Rows] | None = None
    if wanted:
        rows, classes = _passing(package, config, wanted, classes, shards)
        shards = [shard for shard in shards if shard.path in rows]
    if label_ids not in (None, FULL):
        raise ValueError(f"label_ids must be {FULL!r} or None, not {label_ids!r}")
    if label_ids == FULL:
        classes = list(package.classes[FULL]["names"])
    note(package, shards)
    features = _features(package, shard_schema(package, shards[0]), classes)
    return Selection(classes, _narrowed(features, columns), shards, rows, package.batch_rows)


def select_metadata(package: Package, wanted: Filter, columns: Sequence[str] | None) -> Selection:
    """Return the config without images; labels are class names.

    Raises
    ------
    PackageError
        Where a filter is asked for, or a column that does not exist.
    """
    if wanted:
        raise PackageError(
            f"the config 'metadata' is not narrowed by {wanted.describe()}; call filter on what is opened"
        )
    shards = sorted(package.metadata, key=lambda shard: shard.split)
    if not shards:
        raise PackageError(f"{package.place} lists no file of 'metadata'")
    note(package, shards)
    found = datasets.Features.from_arrow_schema(read_schema(package, shards[0]).remove_metadata())
    return Selection([], _narrowed(found, columns), shards, None, package.batch_rows)


def _narrowed(features: datasets.Features, columns: Sequence[str] | None) -> datasets.Features:
    unknown = [column for column in columns or () if column not in features]
    if unknown:
        near = suggestion(unknown[0], features)
        raise PackageError(f"no column {', '.join(unknown)}; there are {', '.join(features)}{near}")
    if columns is None:
        return features
    return datasets.Features({column: features[column] for column in features if column in set(columns)})


def _passing(
    package: Package, config: str, wanted: Filter, classes: list[str], shards: list[Shard]
) -> tuple[dict[str, Rows], list[str]]:
    """Return the passing rows by shard, and their classes."""
    unknown = sorted(set(as_list(wanted.labels or ())) - set(classes))
    if unknown:
        raise PackageError(
            f"no class {', '.join(map(repr, unknown))} in {config!r} of {package.place}"
            f"{_elsewhere(package, unknown[0], config) or suggestion(unknown[0], classes) or _some(classes)}"
        )
    asked = [column for name, column in SITES.items() if getattr(wanted, name) is not None]
    asked += [column for column in wanted.where or () if column not in (*_FILTERED, *asked)]
    if wanted.where:
        _check_columns(wanted.where, shard_schema(package, shards[0]).names)
    table = read_columns(package.url(METADATA_TABLE), package.storage_options, [*_FILTERED, *asked])
    _check_values(package, table, wanted)
    try:
        table = table.filter(wanted.mask(table, sorted(package.licenses)))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise PackageError(f"where={wanted.where!r} has a value of another type than its column: {error}") from None
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


def _check_columns(wanted: Iterable[str], known: Sequence[str]) -> None:
    """Raise PackageError for a condition on no column."""
    for column in wanted:
        if column not in known or column == "image":
            there = [name for name in known if name != "image"]
            raise PackageError(f"no column {column}; there are {', '.join(there)}{suggestion(column, there)}")


def _elsewhere(package: Package, label: str, config: str) -> str:
    found = [name for name, classes in package.classes.items() if label in classes["names"] and name != config]
    return f"; it is one of {', '.join(map(repr, found))}" if found else ""


def _some(classes: list[str]) -> str:
    more = f" and {len(classes) - 10} more" if len(classes) > 10 else ""
    return f"; it has {', '.join(classes[:10])}{more}"


def _check_values(package: Package, table: pa.Table, wanted: Filter) -> None:
    """Raise PackageError for a wanted value that no example has."""
    for name, column in (
        *(("sources", "dir_name"), ("databases", "database"), ("licenses", "license"), ("microscopy", "microscopy")),
        *SITES.items(),
    ):
        if column not in table.column_names:
            continue
        cells = pc.unique(pc.drop_null(table[column])).to_pylist()
        known = sorted({value for cell in cells for value in (cell.split("|") if name == "microscopy" else [cell])})
        for value in as_list(getattr(wanted, name) or ()):
            if value not in known:
                near = suggestion(value, known) or (
                    f"; there are {', '.join(known)}" if known else ": no source of it tells"
                )
                raise PackageError(f"no example of {package.place} has {value!r} in {column}{near}")


def _features(package: Package, schema: pa.Schema, classes: list[str]) -> datasets.Features:
    """Return a config's features, given its shards' schema."""
    features = dict(datasets.Features.from_arrow_schema(schema.remove_metadata()))
    own = {"image": PackageImage(package.place, package.storage_options), "label": datasets.ClassLabel(names=classes)}
    return datasets.Features({name: own.get(name, feature) for name, feature in features.items()})
