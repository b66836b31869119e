"""Package splits for the builder classes of ``datasets``."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote

import datasets
import numpy as np
import pyarrow as pa
from datasets.iterable_dataset import ExamplesIterable

from cytoimagenet_reader.arguments import check_texts, filter_of, suggestion
from cytoimagenet_reader.errors import PackageError
from cytoimagenet_reader.file_signatures import sha256_of
from cytoimagenet_reader.filters import Filter
from cytoimagenet_reader.package import Package, Shard, reading
from cytoimagenet_reader.prefetched import Prefetched, prefetched
from cytoimagenet_reader.remote.retrying import retrying
from cytoimagenet_reader.rows import DictRows, interleaved
from cytoimagenet_reader.selection import select
from cytoimagenet_reader.stream_tables import stream_tables
from cytoimagenet_reader.streams import Stream


class PackageSplits:
    """The splits of a config, for a ``datasets`` builder class.

    Parameters
    ----------
    place : a folder or a URL
    storage_options : one mapping per protocol, as ``datasets`` passes them
    config : a ``CytoImageNetConfig``

    Raises
    ------
    PackageError
        Where there is no package, or it has nothing of what was asked for.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any], config: Any) -> None:
        columns = config.columns
        check_texts("columns", columns)
        columns = [columns] if isinstance(columns, str) else columns
        wanted = filter_of({name: getattr(config, name) for name in Filter._fields}, "CytoImageNet")
        self._package = Package(place, storage_options)
        self._selection = select(self._package, config.name, wanted, columns, config.label_ids)
        self.features = self._selection.features
        self.identity = self._package.identity

    def arguments(self, dl_manager: Any) -> dict[str, dict[str, Any]]:
        """Return, by split, the arguments of ``examples``.

        What is prepared, not streamed, has the order of ``open`` and the metadata; it is downloaded where it is remote,
        and its hashes are checked.
        """
        package, selection = self._package, self._selection
        copies: dict[str, str] = {}
        if not dl_manager.is_streaming and not package.local:
            copies = _downloaded(package, selection.shards, dl_manager)
        elif not dl_manager.is_streaming and selection.rows is None:  # else not the whole shard is read
            places = {shard.path: package.local_path(shard.path) for shard in selection.shards}
            for shard in _others(package, selection.shards, places):
                raise package.fault(shard, "its sha256 is not the manifest's")
        return {
            split: {
                "streams": selection.streams(split) if dl_manager.is_streaming else selection.parts(split),
                "package": package,
                "copies": copies,
            }
            for split in selection.splits()
        }

    @staticmethod
    def examples(
        features: datasets.Features,
        streams: Sequence[Stream],
        package: Package,
        copies: Mapping[str, str],
        prefetched: Prefetched | None = None,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (key, row) of some streams, one after the other."""
        rows = DictRows(features)
        for stream in streams:
            yield from interleaved(package, stream, copies, rows, 0, prefetched)


def place_of(data_dir: Any, options: dict[str, Any]) -> str:
    """Return the place of a package.

    On the hub it has the ``revision`` that is taken from the options.

    Raises
    ------
    PackageError
        Where it is not on the hub, or names a revision itself.
    """
    place = os.fspath(data_dir or "")
    revision = options.pop("revision", None)
    if revision is None:
        return place
    found, hub = re.subn(r"^(hf://datasets/[^/@]+/[^/@]+)(?=/|$)", rf"\1@{quote(revision, safe='')}", place)
    if not hub:
        raise PackageError(f"revision={revision!r} is of data_dir='hf://datasets/ORG/NAME', and data_dir is {place!r}")
    return found


def checked(options: dict[str, Any], fields: Iterable[dataclasses.Field[Any]]) -> dict[str, Any]:
    """Return config options; raise TypeError for an unknown one."""
    known = [field.name for field in fields]
    for name in options:
        if name not in (*known, "config_id", "config_name", "custom_features"):
            raise TypeError(f"CytoImageNet has no argument {name!r}{suggestion(name, known)}")
    return options


def _downloaded(package: Package, shards: Sequence[Shard], dl_manager: Any) -> dict[str, str]:
    """Return verified local copies of remote shards, by path.

    Their hashes are the manifest's. ``datasets`` keeps downloads by their URL alone: one of an earlier build at that
    URL is fetched again.
    """
    copies: dict[str, str] = {}
    todo = list(shards)
    anew = copy.copy(dl_manager)
    anew.download_config = dataclasses.replace(dl_manager.download_config, force_download=True)
    for manager in (dl_manager, anew):
        urls = [package.url(shard.path) for shard in todo]
        places = retrying(partial(manager.download, urls), package.place)
        copies |= {shard.path: place for shard, place in zip(todo, places, strict=True)}
        todo = _others(package, todo, copies)
        if not todo:
            return copies
    raise package.fault(todo[0], "its sha256 is not the manifest's")


def _others(package: Package, shards: Sequence[Shard], files: Mapping[str, str]) -> list[Shard]:
    """Return the shards whose files lack the manifest's sha256."""

    def digest(shard: Shard) -> str:
        with reading(package, shard):
            return sha256_of(files[shard.path])

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        return [s for s, found in zip(shards, threads.map(digest, shards), strict=True) if found != s.sha256]


class StreamedExamples(ExamplesIterable):  # type: ignore[misc]  # datasets has no types
    """The rows of a split as stored in its shards.

    Rows are dicts, or Arrow tables for what asks for those. ``IterableDataset`` encodes and decodes every value of
    every row unless its source has the very features that it has itself; rows come with class ids and undecoded images,
    so that is what ``features`` says.
    """

    def __init__(self, function: Callable[..., Any], kwargs: dict[str, Any], typed_as: datasets.Features) -> None:
        super().__init__(function, kwargs)
        self.typed_as = typed_as

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (key, row) pairs.

        ``datasets`` asks for one stream after the other, and all that follow are known here.
        """
        streams, package, copies = (self.kwargs[name] for name in ("streams", "package", "copies"))
        first = (self._state_dict or {}).get("shard_idx", 0)
        with contextlib.nullcontext() if copies else prefetched(package, streams[first:], list(self.typed_as)) as ahead:
            like = copy.copy(self)  # several may read at once; the state is the same object
            like.kwargs = {**self.kwargs, "prefetched": ahead}
            yield from ExamplesIterable.__iter__(like)

    @property
    def features(self) -> datasets.Features:
        """The features of a row."""
        undecoded = {"image": datasets.Image(decode=False)} if "image" in self.typed_as else {}
        return datasets.Features({**self.typed_as, **undecoded})

    @property
    def iter_arrow(self) -> Callable[[], Iterator[tuple[str, pa.Table]]]:
        """Return a function that yields (key, table) pairs.

        The tables hold all rows, in the same order.
        """
        return self._tables

    def _tables(self) -> Iterator[tuple[str, pa.Table]]:
        state = self._state_dict or {"shard_idx": 0, "shard_example_idx": 0}
        streams, package, copies = (self.kwargs[name] for name in ("streams", "package", "copies"))
        first, given = state["shard_idx"], state["shard_example_idx"]
        with (
            contextlib.nullcontext()
            if copies
            else prefetched(package, streams[first:], list(self.typed_as), given) as ahead
        ):
            for number in range(first, len(streams)):
                given = state["shard_example_idx"]
                for table in stream_tables(package, streams[number], copies, self.typed_as, given, ahead):
                    state["shard_example_idx"] += len(table)
                    yield f"{number}-{state['shard_example_idx']}", table
                state["shard_idx"], state["shard_example_idx"] = number + 1, 0

    def _with(self, streams: list[Stream]) -> StreamedExamples:
        return StreamedExamples(self.generate_examples_fn, {**self.kwargs, "streams": streams}, self.typed_as)

    def shuffle_data_sources(self, generator: np.random.Generator) -> StreamedExamples:
        """Return the same rows with the streams in another order."""
        streams = list(self.kwargs["streams"])
        copy.deepcopy(generator).shuffle(streams)  # the caller's would give each epoch another order
        return self._with(streams)

    def shard_data_sources(self, num_shards: int, index: int, contiguous: bool = True) -> StreamedExamples:
        """Return the rows of some streams."""
        chosen = self.split_shard_indices_by_worker(num_shards, index, contiguous=contiguous)
        return self._with([self.kwargs["streams"][i] for i in chosen])

    def reshard_data_sources(self) -> StreamedExamples:
        """Return the same rows: streams are not cut again."""
        return self
