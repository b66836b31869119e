"""``open``: a split of a local package, memory-mapped as a Dataset."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

import datasets
import numpy as np

from cytoimagenet_reader import __version__
from cytoimagenet_reader.errors import PackageError
from cytoimagenet_reader.filters import Filter
from cytoimagenet_reader.mapped_table import MappedShards, MappedTable
from cytoimagenet_reader.package import FULL, Package, is_local
from cytoimagenet_reader.selection import select


class OpenedDataset(datasets.Dataset):  # type: ignore[misc]  # datasets has no types
    """A Dataset whose single rows come straight from the memory map, in less than half the time."""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer) and not isinstance(key, bool) and self._plain():
            length = len(self)
            if -length <= key < length:
                return self._row(int(key) % length)
        return super().__getitem__(key)

    def __getitems__(self, keys: list[int]) -> list[dict[str, Any]]:
        """Return some rows: what PyTorch's loader calls for a batch."""
        if self._plain():
            return [self[key] for key in keys]
        rows: list[dict[str, Any]] = super().__getitems__(keys)
        return rows

    def _plain(self) -> bool:
        return self._format_type is None and self._format_columns is None and isinstance(self._data, MappedTable)

    def _row(self, row: int) -> dict[str, Any]:
        if self._indices is not None:
            row = self._indices.column(0)[row].as_py()
        values: dict[str, Any] = self._data.row(row)
        features = self._info.features
        if any(features._column_requires_decoding.values()):
            values = features.decode_example(values)
        return values

    def _select_contiguous(self, *args: Any, **kwargs: Any) -> datasets.Dataset:
        return self._kept(super()._select_contiguous(*args, **kwargs))

    def _new_dataset_with_indices(self, *args: Any, **kwargs: Any) -> datasets.Dataset:
        return self._kept(super()._new_dataset_with_indices(*args, **kwargs))

    def _kept(self, dataset: datasets.Dataset) -> datasets.Dataset:
        dataset.__class__ = type(self)  # datasets makes a plain one, of the same content
        return dataset


def open(  # noqa: A001 -- cytoimagenet.open, as builtins.open opens a file
    path: str | os.PathLike[str],
    config: str = FULL,
    split: str = "train",
    *,
    columns: Sequence[str] | None = None,
    **conditions: Any,
) -> datasets.Dataset:
    """Return a split of a local package as a memory-mapped Dataset: at once, without a copy, with random access.

    Rows come in the order of ``load_dataset``; ``label`` is the config's class id. ``conditions`` are the fields of
    ``CytoImageNetConfig`` (``labels=``, ``sources=``, ``commercial_use=`` ...).

    Raises
    ------
    PackageError
        Where the folder is no package in Arrow format, or has nothing of what was asked for.
    ShardError
        Where a shard is missing or has another size than the manifest says; at the first use of a shard, where it
        cannot be read, has another number of rows, or a class that ``classes.json`` does not name.
    """
    if not is_local(os.fspath(path)):
        raise PackageError(f"{path} is not on this machine, and open memory-maps files; stream CytoImageNet")
    package = Package(os.fspath(path))
    selection = select(package, config, Filter(**conditions), columns)
    shards = [shard.without_batches() for shard in selection.shards if shard.split == split]
    if not shards:
        raise PackageError(f"no split {split!r} in {config!r}; there are {', '.join(selection.splits())}")
    if not shards[0].path.endswith(".arrow"):
        raise PackageError(f"{package.place} is in Parquet, which cannot be memory-mapped; use loader or load_dataset")
    facts = json.dumps([__version__, package.identity, config, split, columns, conditions], default=list)
    fingerprint = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = os.path.join(datasets.config.HF_DATASETS_CACHE, "cytoimagenet", fingerprint, "mapped")
    source = MappedShards(package, shards, selection.features, selection.rows)
    source.check()
    dataset = OpenedDataset(
        MappedTable(source, path),
        info=datasets.DatasetInfo(features=selection.features, dataset_name="cytoimagenet", config_name=config),
        split=datasets.NamedSplit(split),
        fingerprint=fingerprint,
    )
    if selection.rows is None:
        return dataset
    starts = np.cumsum([0, *(shard.rows for shard in shards)])
    wanted = [selection.rows[shard.path] + start for shard, start in zip(shards, starts[:-1], strict=True)]
    return dataset.select(np.concatenate(wanted))
