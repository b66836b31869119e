"""``open``: a local package's split as a memory-mapped Dataset."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import datasets
import numpy as np

from cytoimagenet_reader import __version__
from cytoimagenet_reader.arguments import check_texts, filter_of, suggestion
from cytoimagenet_reader.errors import PackageError
from cytoimagenet_reader.layout import METADATA_CONFIG
from cytoimagenet_reader.mapped_shards import MappedShards
from cytoimagenet_reader.mapped_table import MappedTable
from cytoimagenet_reader.package import FULL, Package, is_local
from cytoimagenet_reader.selection import Selection, select, select_metadata


class OpenedDataset(datasets.Dataset):  # type: ignore[misc]  # datasets has no types
    """A Dataset that reads rows faster.

    They come straight from the memory map, in less than half the time.
    """

    def __getitem__(self, key: Any) -> Any:
        if self._plain():
            if isinstance(key, int | np.integer) and not isinstance(key, bool):
                length = len(self)
                if -length <= key < length:
                    return self._row(int(key) % length)
            elif numbers := _numbers(key, len(self)):
                rows = [self._row(number) for number in numbers]
                return {name: [row[name] for row in rows] for name in rows[0]}
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        return map(self._row, range(len(self))) if self._plain() else super().__iter__()

    def __getitems__(self, keys: list[int]) -> list[dict[str, Any]]:
        """Return some rows: what PyTorch's loader calls for a batch."""
        if self._plain():
            return [self[key] for key in keys]
        rows: list[dict[str, Any]] = super().__getitems__(keys)
        return rows

    def _getitem(self, key: Any, **kwargs: Any) -> Any:
        data = self._data
        if isinstance(key, str) and isinstance(data, MappedTable) and data.source.parquet and key in data.column_names:
            alone = copy.copy(self)  # datasets would make a table of all columns first, with each image
            alone._data = data.select([key])
            return datasets.Dataset._getitem(alone, key, **kwargs)
        return super()._getitem(key, **kwargs)

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


def _numbers(key: Any, length: int) -> Sequence[int]:
    """Return the rows that a slice or list stands for.

    Empty for any other key, and where one is not there.
    """
    if isinstance(key, slice):
        return range(*key.indices(length))
    if isinstance(key, range | list) and all(type(number) is int and -length <= number < length for number in key):
        return [number % length for number in key]
    return ()


def open(  # noqa: A001 -- cytoimagenet.open, as builtins.open opens a file
    path: str | os.PathLike[str],
    config: str = FULL,
    split: str | datasets.Split | None = "train",
    *,
    columns: Sequence[str] | None = None,
    label_ids: str | None = None,
    **conditions: Any,
) -> Any:
    """Return a local package's split as a memory-mapped Dataset.

    It is ready at once, without a copy, and has random access; of Parquet shards the columns beside the image are held.
    Rows come in the order of ``load_dataset``; ``label`` is the config's class id. ``conditions`` are the fields of
    ``CytoImageNetConfig`` (``labels=``, ``sources=``, ``commercial_use=`` ...).

    Parameters
    ----------
    split : as ``load_dataset`` takes it: ``"train[:10%]"``, ``"train+validation"``; None gives a DatasetDict of all
    columns : names of the columns to read; all by default
    label_ids : "full" for the ids that classes have in ``full``; None counts the classes that remain from 0

    Raises
    ------
    TypeError
        For an argument that it does not have, or a value of another type.
    PackageError
        Where the folder is no package, or has nothing of what was asked for.
    ShardError
        Where a shard is missing or has another size than the manifest says; at the first use of a shard, where it
        cannot be read, has another number of rows, or a class that ``classes.json`` does not name.
    """
    if not is_local(os.fspath(path)):
        raise PackageError(f"{path} is not on this machine, and open memory-maps files; stream CytoImageNet")
    check_texts("columns", columns)
    columns = [columns] if isinstance(columns, str) else columns
    wanted = filter_of(conditions, "open", inspect.signature(open).parameters)
    package = Package(os.fspath(path))
    selection = select_metadata(package, wanted, columns) if config == METADATA_CONFIG else None
    selection = selection or select(package, config, wanted, columns, label_ids)
    facts = [__version__, package.identity, config, columns, label_ids, wanted._asdict()]
    opener = _Opener(package, config, selection, facts)
    if split is None:
        return datasets.DatasetDict({name: opener.split(name) for name in selection.splits()})
    pieces = []
    for piece in _pieces(str(split), opener):
        dataset = opener.split(piece.splitname)
        rows = range(piece.from_, piece.to)
        pieces.append(dataset if len(rows) == len(dataset) else dataset.select(rows))
    return pieces[0] if len(pieces) == 1 else datasets.concatenate_datasets(pieces)


class _Opener:
    """The splits of a selection, mapped on demand."""

    def __init__(self, package: Package, config: str, selection: Selection, facts: list[Any]) -> None:
        self.selection, self._package, self.config, self._facts = selection, package, config, facts

    def rows(self) -> dict[str, int]:
        """Return how many rows each split has."""
        counts = dict.fromkeys(self.selection.splits(), 0)
        for shard in self.selection.shards:
            counts[shard.split] += shard.rows if self.selection.rows is None else len(self.selection.rows[shard.path])
        return counts

    def split(self, split: str) -> OpenedDataset:
        """Return a split, all of it."""
        package, selection = self._package, self.selection
        shards = [shard.without_batches() for shard in selection.shards if shard.split == split]
        facts = json.dumps([*self._facts, split], default=list)
        fingerprint = hashlib.sha256(facts.encode()).hexdigest()[:16]
        path = os.path.join(datasets.config.HF_DATASETS_CACHE, "cytoimagenet", fingerprint, "mapped")
        source = MappedShards(package, shards, selection.features, selection.rows)
        source.check()
        info = datasets.DatasetInfo(features=selection.features, dataset_name="cytoimagenet", config_name=self.config)
        dataset = OpenedDataset(
            MappedTable(source, path), info=info, split=datasets.NamedSplit(split), fingerprint=fingerprint
        )
        if selection.rows is None:
            return dataset
        starts = np.cumsum([0, *(shard.rows for shard in shards)])
        wanted = [selection.rows[shard.path] + start for shard, start in zip(shards, starts[:-1], strict=True)]
        chosen: OpenedDataset = dataset.select(np.concatenate(wanted))
        return chosen


def _pieces(spec: str, opener: _Opener) -> Any:
    """Return the runs of rows of a split expression.

    Each has splitname, from_ and to.
    """
    rows = opener.rows()
    for name in re.split(r"(?:\[[^]]*\])?\+|\[", spec):
        if name and "]" not in name and name not in rows:
            near = suggestion(name, rows)
            raise PackageError(f"no split {name!r} in {opener.config!r}; there are {', '.join(rows)}{near}")
    try:
        return datasets.ReadInstruction.from_spec(spec).to_absolute(rows)
    except (ValueError, AssertionError) as error:
        raise ValueError(f"split={spec!r}: {error}") from None
