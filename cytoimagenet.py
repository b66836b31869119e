"""CytoImageNet for training: a package that ``cytoimagenet build`` wrote, as a dataset.

``CytoImageNet`` streams or prepares a package from any place that fsspec reads (a folder, ``hf://``, ``s3://``,
``http(s)://``), with subsets by label, source, licence or column; ``open`` memory-maps a local package at once,
without a copy; ``decode`` turns the package's PNGs into arrays, several times as fast as Pillow.

The file stands alone, because ``datasets`` 3 also runs it as a loading script. Shards are Arrow IPC streams
(https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format) or Parquet; the manifest gives their sizes
and hashes, ``classes.json`` the classes of each config, ``metadata.parquet`` every column but the picture.
"""

from __future__ import annotations

import bisect
import builtins
import contextlib
import dataclasses
import functools
import hashlib
import heapq
import importlib
import io
import itertools
import json
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from typing import NamedTuple
from typing import Protocol
from typing import TypeVar

import datasets
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets.iterable_dataset import ExamplesIterable
from datasets.table import InMemoryTable
from datasets.table import MemoryMappedTable

CATEGORIES = ("organism", "cell_type", "cell_visible", "phenotype", "compound", "gene", "sirna")
FULL = "full"

_STREAMS = 8  # least parts into which a split is cut for workers and nodes, where it has rows enough
_STREAM_ROWS = 256  # fewest rows of such a part
_BATCHES_A_SHARE = 8  # from so many record batches on, a category's share of a stream holds whole batches
_BLOCK = 4 << 20  # most bytes of one request
_FIRST_BLOCK = 1 << 20  # bytes of a shard's first requests: the first row comes sooner, and costs less
_BLOCKS_AHEAD = 3
_HEADER = 1 << 14  # bytes fetched for a message's header alone
_SPARSE = 0.02  # share of rows wanted, below which most batches have none and are skipped
_TRIES = 6
_FIRST_WAIT = 0.2  # seconds; doubled at each try
_PATIENCE = 60.0  # seconds for one block

_FIRST_BY_PILLOW = 64
_pictures_decoded = itertools.count()
_MOST_PIXELS = 1 << 28  # of a picture that decode inflates itself; larger ones meet Pillow's own limit

_patched_for_streaming = True  # datasets would put its own open() and os.path into this module; it needs neither

T = TypeVar("T")
Row = TypeVar("Row", covariant=True)
Picture = tuple[Any, int]  # a PNG, bytes or a view of them, and its class id


class PackageError(ValueError):
    """The folder is no package, or holds nothing of what was asked; the message says what there is."""


class ShardError(OSError):
    """A shard cannot be read, or is not what the manifest says; the message names it and says what to do."""


class Filter(NamedTuple):
    """Which pictures are wanted; None takes all. Fields are those of ``CytoImageNetConfig``."""

    labels: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    databases: Sequence[str] | None = None
    microscopy: Sequence[str] | None = None
    licenses: Sequence[str] | None = None
    commercial_use: bool = False
    crops: bool | None = None

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return self != Filter()

    def describe(self) -> str:
        """Return the conditions as they were given, for messages."""
        return ", ".join(f"{name}={value!r}" for name, value in self._asdict().items() if value not in (None, False))

    def mask(self, rows: pa.Table, allowed: Sequence[str]) -> pa.ChunkedArray:
        """Return which rows are wanted: booleans, one a row. ``allowed`` are the licences for commercial use."""
        tests = [
            pc.is_in(rows[column], pa.array(_texts(wanted), pa.string()))
            for column, wanted in (
                ("label", self.labels),
                ("dir_name", self.sources),
                ("database", self.databases),
                ("license", self.licenses),
                ("license", allowed if self.commercial_use else None),
            )
            if wanted is not None
        ]
        if self.microscopy is not None:  # a cell may hold several, joined by "|"
            cells = pc.fill_null(rows["microscopy"], "")
            kinds = set(_texts(self.microscopy))
            hits = [cell for cell in pc.unique(cells).to_pylist() if kinds & set(cell.split("|"))]
            tests.append(pc.is_in(cells, pa.array(hits, pa.string())))
        if self.crops is not None:
            tests.append(pc.equal(rows["crop"], self.crops))
        mask = tests[0]
        for test in tests[1:]:
            mask = pc.and_(mask, test)
        return mask


@dataclasses.dataclass
class CytoImageNetConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets has no types
    """A config: which pictures, and which of their columns.

    Parameters
    ----------
    labels : class names
    sources : ``dir_name`` of sources, for instance ``bbbc022``
    databases : BBBC, CIL, IDR, Kaggle, Recursion
    microscopy : one or several kinds, for instance ``fluorescence``
    licenses : ids as in the column ``license``, for instance ``CC-BY-4.0``
    commercial_use : only pictures of sources whose terms allow commercial use
    columns : names of the columns to read; all by default
    crops : True for crops only, False for whole images only, None for both
    """

    labels: list[str] | None = None
    sources: list[str] | None = None
    databases: list[str] | None = None
    microscopy: list[str] | None = None
    licenses: list[str] | None = None
    commercial_use: bool = False
    columns: list[str] | None = None
    crops: bool | None = None

    def filter(self) -> Filter:
        """Return the conditions on rows."""
        return Filter(**{name: getattr(self, name) for name in Filter._fields})


class Shard(NamedTuple):
    """A file of pictures, as the manifest lists it."""

    path: str  # below the package
    rows: int
    bytes: int
    sha256: str
    category: str
    split: str

    @property
    def turn(self) -> tuple[float, int, int]:
        """Where it stands in ``full``: shard k of n at (k + 1/2) / n of the way, categories in their order."""
        number, _, total = os.path.basename(self.path).rpartition(".")[0].rsplit("-", 3)[1:]
        return (int(number) + 0.5) / int(total), CATEGORIES.index(self.category), int(number)


class Package:
    """What a package says of itself.

    Parameters
    ----------
    place : a folder or a URL
    storage_options : for the file system of the URL; or one such mapping a protocol, as ``datasets`` passes them

    Raises
    ------
    PackageError
        Where there is no package.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any] | None = None) -> None:
        place = os.fspath(place)
        self.place = place.rstrip("/") if "://" in place else os.path.abspath(os.path.expanduser(place))
        self.storage_options = _options_of(self.place, storage_options or {})
        try:
            manifest = json.loads(self.read("manifest.json"))
            self.classes: dict[str, Any] = json.loads(self.read("classes.json"))
            files = manifest["files"]
        except FileNotFoundError as error:
            raise PackageError(f"{self.place} is not a cytoimagenet package: {error}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise PackageError(f"{self.place} is not a cytoimagenet package: manifest or classes: {error}") from None
        self.licenses = {s["license"] for s in manifest.get("sources", ()) if s.get("commercial_use")}
        self.batch_rows = int(manifest.get("recipe", {}).get("batch_rows", 100))
        self.shards = [
            Shard(path, facts["rows"], facts["bytes"], facts["sha256"], facts["config"], facts["split"])
            for path, facts in files.items()
            if path.startswith("data/")
        ]

    @property
    def local(self) -> bool:
        """Whether the package is a folder of this machine."""
        return _is_local(self.place)

    def url(self, path: str) -> str:
        """Return where a file of the package is."""
        return f"{self.place}/{path}"

    def read(self, path: str) -> bytes:
        """Return a small file's bytes."""
        file_system, name = fsspec.core.url_to_fs(self.url(path), **self.storage_options)
        data: bytes = _patiently(lambda: file_system.cat_file(name), self.url(path))
        return data

    def config(self, name: str, wanted: Filter, columns: Sequence[str] | None) -> Selected:
        """Return the classes, features and rows of a config.

        Raises
        ------
        PackageError
            Where the package has no such config, class, column or nothing that passes the filter.
        """
        if name not in self.classes:
            raise PackageError(f"{self.place} holds no {name!r}; it has {', '.join(self.classes)}")
        classes = list(self.classes[name]["names"])
        shards = sorted((s for s in self.shards if name in (FULL, s.category)), key=lambda s: s.turn)
        rows: dict[str, np.ndarray[Any, Any]] | None = None
        if wanted:
            rows, classes = self._passing(name, wanted, classes, shards)
            shards = [shard for shard in shards if shard.path in rows]
        features = _features(self._schema(shards[0]), classes)
        unknown = [column for column in columns or () if column not in features]
        if unknown:
            raise PackageError(f"no column {', '.join(unknown)}; there are {', '.join(features)}")
        if columns is not None:
            features = datasets.Features({column: features[column] for column in features if column in set(columns)})
        return Selected(classes, features, shards, rows, self.batch_rows)

    def _passing(
        self, config: str, wanted: Filter, classes: list[str], shards: list[Shard]
    ) -> tuple[dict[str, np.ndarray[Any, Any]], list[str]]:
        """Return, by shard, the rows that pass the filter, and the classes that have such rows."""
        unknown = sorted(set(_texts(wanted.labels or ())) - set(classes))
        if unknown:
            raise PackageError(f"no class {', '.join(map(repr, unknown))} in {config!r} of {self.place}")
        names = ["label", "dir_name", "database", "license", "microscopy", "crop", "shard", "position"]
        url = self.url("metadata.parquet")
        file_system, name = fsspec.core.url_to_fs(url, **self.storage_options)
        table = _patiently(lambda: _parquet_columns(file_system, name, names), url)
        table = table.filter(wanted.mask(table, sorted(self.licenses)))
        endings = {shard.path.rpartition(".")[0]: shard.path for shard in shards}
        table = table.filter(pc.is_in(table["shard"], pa.array(list(endings), pa.string())))
        if not len(table):
            raise PackageError(f"nothing in {config!r} of {self.place} passes {wanted.describe()}")
        table = table.sort_by([("shard", "ascending"), ("position", "ascending")]).combine_chunks()
        positions = table["position"].to_numpy()
        of_shard = pc.value_counts(table["shard"])
        bounds = np.cumsum([0, *of_shard.field("counts").to_pylist()])
        rows = {
            endings[shard]: positions[start:stop]
            for shard, start, stop in zip(of_shard.field("values").to_pylist(), bounds[:-1], bounds[1:], strict=True)
        }
        return rows, sorted(pc.unique(table["label"]).to_pylist())

    def _schema(self, shard: Shard) -> pa.Schema:
        with _naming(self, shard):
            if shard.path.endswith(".parquet"):
                with _parquet(self, shard) as table:
                    return table.schema_arrow
            if self.local:
                with pa.memory_map(self.url(shard.path).removeprefix("file://")) as file:
                    return pa.ipc.open_stream(file).schema
            with _Ahead(self, shard, ahead=False, limit=0) as source:
                return pa.ipc.read_schema(source.message())


class Selected(NamedTuple):
    """A config of a package: its classes in ClassLabel order, its features, its shards and the wanted rows of each."""

    classes: list[str]
    features: datasets.Features
    shards: list[Shard]
    rows: dict[str, np.ndarray[Any, Any]] | None  # None: all
    batch_rows: int  # of most record batches

    def splits(self) -> list[str]:
        """Return the splits that have shards, train first."""
        return sorted({shard.split for shard in self.shards}, key=lambda s: (s != "train", s))

    def streams(self, split: str, multiple: int = 1) -> list[tuple[Part, ...]]:
        """Cut a split into streams of equal shares of every category: what workers and nodes divide among them.

        There are as many as the largest category has shards, a few for a small package, and a multiple of
        ``multiple``. A stream is read with its categories interleaved row by row, so that a small shuffle buffer
        sees all classes.

        Raises
        ------
        PackageError
            Where the config has no such split.
        """
        by_category: dict[str, list[Part]] = {}
        for shard in self.shards:
            if shard.split == split:
                rows = None if self.rows is None else self.rows[shard.path]
                part = Part(shard, 0, shard.rows if rows is None else len(rows), rows)
                by_category.setdefault(shard.category, []).append(part)
        if not by_category:
            raise PackageError(f"no split {split!r}; there are {', '.join(self.splits())}")
        total = sum(part.stop for parts in by_category.values() for part in parts)
        count = max(max(map(len, by_category.values())), min(_STREAMS, total // _STREAM_ROWS))
        count = -(-count // multiple) * multiple
        cut = [_cut(parts, count, self.batch_rows) for parts in by_category.values()]
        streams = [tuple(part for shares in cut for part in shares[i]) for i in range(count)]
        return [stream for stream in streams if stream]


class Part(NamedTuple):
    """A run of a shard's rows: numbers start to stop of ``rows``, or of all its rows where that is None."""

    shard: Shard
    start: int
    stop: int
    rows: np.ndarray[Any, Any] | None

    @property
    def first(self) -> int:
        """The first row of the shard that is wanted."""
        return self.start if self.rows is None else int(self.rows[self.start])

    @property
    def key(self) -> int:
        """A number for its first row that no other row of the package has."""
        return (CATEGORIES.index(self.shard.category) << 60) + (self.shard.turn[2] << 32) + self.start

    def wants(self, low: int, high: int) -> bool:
        """Whether any of the shard's rows from ``low`` to before ``high`` is wanted."""
        rows = np.arange(self.start, self.stop) if self.rows is None else self.rows[self.start : self.stop]
        return bool(np.searchsorted(rows, low) < np.searchsorted(rows, high))

    @property
    def whole(self) -> bool:
        """Whether every row of the shard is wanted."""
        return self.rows is None and self.start == 0 and self.stop == self.shard.rows


def _cut(parts: list[Part], count: int, batch_rows: int) -> list[list[Part]]:
    """Cut the rows of parts, taken one after the other, into ``count`` shares of nearly the same size.

    Large shares begin and end between two record batches, so that no batch is read twice; sizes of small ones differ by
    one at most.
    """
    total = sum(part.stop for part in parts)
    if len(parts) == count:  # whole shards, read from end to end: the fewest requests
        return [[part] for part in parts]
    step = batch_rows if total >= _BATCHES_A_SHARE * batch_rows * count else 1
    bounds = [total * i // count for i in range(count + 1)]
    shares: list[list[Part]] = [[] for _ in range(count)]
    offset = 0
    for part in parts:
        for share, low, high in zip(shares, bounds[:-1], bounds[1:], strict=True):
            start, stop = (_between(bound - offset, part, step) for bound in (low, high))
            if start < stop:
                share.append(part._replace(start=start, stop=stop))
        offset += part.stop
    return shares


def _between(row: int, part: Part, step: int) -> int:
    """Return the place in a part that is nearest to ``row``; between two batches where all its rows are wanted."""
    if part.rows is None:
        row = (row + step // 2) // step * step
    return min(max(row, 0), part.stop)


class CytoImageNet(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets has no types
    """CytoImageNet from a package: ``CytoImageNet("organism", data_dir=...)``.

    Then ``as_streaming_dataset(split="train")`` reads as it goes, and ``download_and_prepare()`` with
    ``as_dataset()`` keep a copy in the cache of ``datasets``. ``labels=`` and the other fields of
    ``CytoImageNetConfig`` narrow it down. For a local package ``cytoimagenet.open`` needs no copy.

    Raises
    ------
    PackageError
        Where ``data_dir`` is no package, or it has nothing of what was asked for.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = CytoImageNetConfig
    BUILDER_CONFIGS = [CytoImageNetConfig(name=name, version=datasets.Version("1.0.0")) for name in (FULL, *CATEGORIES)]  # noqa: RUF012 -- as datasets declares it
    DEFAULT_CONFIG_NAME = FULL
    DEFAULT_WRITER_BATCH_SIZE = 100  # rows of pictures, held in memory

    def __init__(self, config_name: str | None = None, *, data_dir: Any = None, **options: Any) -> None:
        if data_dir is not None:
            data_dir = os.fspath(data_dir)
        super().__init__(config_name=config_name, data_dir=data_dir, **options)

    def _package(self) -> Package:
        if not self.config.data_dir:
            raise PackageError('where is the package? give data_dir="folder or URL of the built package"')
        options = dict(self.storage_options)
        if self.token and self.config.data_dir.startswith("hf://"):
            options["hf"] = {**options.get("hf", {}), "token": self.token}
        return Package(self.config.data_dir, options)

    def _selected(self, package: Package) -> Selected:
        return package.config(self.config.name, self.config.filter(), self.config.columns)

    def _info(self) -> datasets.DatasetInfo:
        features = self._selected(self._package()).features
        return datasets.DatasetInfo(
            description="Weakly labelled microscopy pictures for pretraining (arXiv 2111.11646)", features=features
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        package = self._package()
        selected = self._selected(package)
        copies: dict[str, str] = {}
        if not dl_manager.is_streaming:
            paths = [shard.path for shard in selected.shards]
            urls = [package.url(path) for path in paths]
            copies = dict(zip(paths, urls if package.local else dl_manager.download(urls), strict=True))
            if selected.rows is None or not package.local:  # else not the whole shard is read
                _check_hashes(package, selected.shards, copies)
        return [
            datasets.SplitGenerator(
                name=split, gen_kwargs={"streams": selected.streams(split), "package": package, "copies": copies}
            )
            for split in selected.splits()
        ]

    def _generate_examples(
        self, streams: list[tuple[Part, ...]], package: Package, copies: Mapping[str, str]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = _Rows(self.info.features)
        for stream in streams:
            yield from _interleaved(package, stream, copies, rows)

    def _get_examples_iterable_for_split(self, split_generator: datasets.SplitGenerator) -> ExamplesIterable:
        return _Examples(self._generate_examples, split_generator.gen_kwargs, typed_as=self.info.features)


class _Examples(ExamplesIterable):  # type: ignore[misc]  # datasets has no types
    """The rows as they are generated: they need no encoding, so ``datasets`` may pass them on when nothing is decoded.

    ``IterableDataset`` encodes and decodes every value of every row unless its source has the very features that it
    has itself; rows come with class ids and undecoded images, so that is what ``features`` says.
    """

    def __init__(self, function: Callable[..., Any], kwargs: dict[str, Any], *, typed_as: datasets.Features) -> None:
        super().__init__(function, kwargs)
        self.typed_as = typed_as

    @property
    def features(self) -> datasets.Features:
        """The features of a row."""
        undecoded = {"image": datasets.Image(decode=False)} if "image" in self.typed_as else {}
        return datasets.Features({**self.typed_as, **undecoded})

    def _like(self, other: ExamplesIterable) -> _Examples:
        return _Examples(other.generate_examples_fn, other.kwargs, typed_as=self.typed_as)

    def shuffle_data_sources(self, *args: Any, **kwargs: Any) -> _Examples:
        """Return the same rows with the streams in another order."""
        return self._like(super().shuffle_data_sources(*args, **kwargs))

    def shard_data_sources(self, *args: Any, **kwargs: Any) -> _Examples:
        """Return the rows of some streams."""
        return self._like(super().shard_data_sources(*args, **kwargs))

    def reshard_data_sources(self) -> _Examples:
        """Return the same rows: streams are not cut again."""
        return self


class _Reader(Protocol[Row]):
    """Takes rows out of record batches, for which it needs the columns ``names``."""

    @property
    def names(self) -> Sequence[str]: ...

    def of(self, batch: pa.RecordBatch) -> Iterator[Row]: ...


class _Rows:
    """Record batches to Python rows, column by column."""

    def __init__(self, features: datasets.Features) -> None:
        self.names = list(features)
        label = features.get("label")
        self.ids = {name: i for i, name in enumerate(label.names)} if label is not None else {}

    def of(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
        """Yield the rows of a batch: label as its class id, image as its bytes and path."""
        names = self.names
        columns = [self._column(name, batch.column(name)) for name in names]
        return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))

    def _column(self, name: str, values: pa.Array) -> Iterable[Any]:
        if name == "image":
            pairs = zip(values.field("bytes"), values.field("path").to_pylist(), strict=True)
            return ({"bytes": data.as_py(), "path": path} for data, path in pairs)
        if pa.types.is_string(values.type):
            coded = values.dictionary_encode()  # few different texts a batch: each becomes a Python object once
            texts = coded.dictionary.to_pylist()
            if name == "label":
                texts = [self.ids[text] for text in texts]
            return [None if i is None else texts[i] for i in coded.indices.to_pylist()]
        listed: list[Any] = values.to_pylist()
        return listed


class _Pictures:
    """Record batches to what training needs of a row: its picture's PNG, not copied, and its class id."""

    names = ("image", "label")

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = pa.array(classes, pa.string())

    def of(self, batch: pa.RecordBatch) -> Iterator[Picture]:
        """Yield the rows of a batch; their views keep the whole batch in memory."""
        data, labels = batch.column("image").field("bytes"), batch.column("label")
        ids = pc.index_in(labels, value_set=self.classes)
        if ids.null_count:
            raise KeyError(labels.filter(ids.is_null())[0].as_py())
        _, offsets, content = data.buffers()
        view = memoryview(content or b"").cast("B")
        bounds = np.frombuffer(offsets, np.int32)[data.offset : data.offset + len(data) + 1].tolist()
        pictures = (view[start:stop] for start, stop in itertools.pairwise(bounds))
        return zip(pictures, ids.to_pylist(), strict=True)


def _interleaved(
    package: Package, stream: Sequence[Part], copies: Mapping[str, str], rows: _Reader[Row], skip: int = 0
) -> Iterator[tuple[int, Row]]:
    """Yield (key, row) of the parts of a stream: row i of a category's n at (i + 1/2) / n of the way.

    ``skip`` rows are left out at the start; what lies in batches before them is not read.
    """
    categories: dict[str, list[Part]] = {}
    for part in stream:
        categories.setdefault(part.shard.category, []).append(part)
    counts = [sum(part.stop - part.start for part in parts) for parts in categories.values()]
    runs = [
        _run(package, parts, copies, rows, place, past)
        for place, (parts, past) in enumerate(zip(categories.values(), _taken(counts, skip), strict=True))
    ]
    for _, _, key, row in runs[0] if len(runs) == 1 else heapq.merge(*runs):
        yield key, row


def _taken(counts: Sequence[int], skip: int) -> list[int]:
    """Return how many of each category's rows are among the first ``skip`` of a stream."""
    if not skip:
        return [0] * len(counts)
    place = np.repeat(np.arange(len(counts)), counts)
    way = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    taken: list[int] = np.bincount(place[np.lexsort((place, way))[:skip]], minlength=len(counts)).tolist()
    return taken


def _run(
    package: Package, parts: Sequence[Part], copies: Mapping[str, str], rows: _Reader[Row], place: int, skip: int
) -> Iterator[tuple[float, int, int, Row]]:
    """Yield (how far, which category, key, row) of one category's parts, one after the other, but the first rows."""
    total = sum(part.stop - part.start for part in parts)
    done = skip
    for part in parts:
        if skip >= part.stop - part.start:
            skip -= part.stop - part.start
            continue
        part = part._replace(start=part.start + skip)
        skip = 0
        key = part.key
        begun = done
        for batch in _batches(package, part, copies.get(part.shard.path), rows.names):
            try:
                found = rows.of(batch)
            except KeyError as error:
                raise _bad(package, part.shard, f"it holds class {error}, which classes.json does not name") from None
            for row in found:
                yield (done + 0.5) / total, place, key + done - begun, row
                done += 1
        if done - begun != part.stop - part.start:
            raise _bad(package, part.shard, f"it ended after {done - begun} of {part.stop - part.start} rows")


def _batches(package: Package, part: Part, copy: str | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the wanted rows of a part as record batches; batches without any are not read, where that saves time."""
    shard = part.shard
    first, stop = part.first, part.stop if part.rows is None else int(part.rows[part.stop - 1]) + 1
    with _naming(package, shard):
        for offset, batch in _raw_batches(package, part, copy, first, stop, columns):
            if part.rows is None:
                low, high = max(part.start - offset, 0), min(part.stop - offset, len(batch))
                if low < high:
                    yield batch if high - low == len(batch) else batch.slice(low, high - low)
                continue
            here = part.rows[part.start : part.stop]
            here = here[np.searchsorted(here, offset) : np.searchsorted(here, offset + len(batch))]
            if len(here):
                yield batch.take(pa.array(here - offset))


def _raw_batches(
    package: Package, part: Part, copy: str | None, first: int, stop: int, columns: Sequence[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (first row, batch) of a shard from the batch that holds row ``first`` to the one before row ``stop``."""
    shard = part.shard
    if shard.path.endswith(".parquet"):
        yield from _parquet_batches(package, part, copy, first, stop, columns)
        return
    path = copy or (package.url(shard.path) if package.local else None)
    offset = 0
    if path is not None:
        path = path.removeprefix("file://")
        with pa.memory_map(path) as file, pa.ipc.open_stream(file) as reader, builtins.open(path, "rb") as same:
            begin = file.tell()
            for batch in reader:
                if offset >= stop:
                    return
                if offset + len(batch) > first:
                    _announce(same.fileno(), begin, file.tell())
                    yield offset, batch
                offset, begin = offset + len(batch), file.tell()
        return
    known = _known(shard.sha256)
    with _Ahead(package, shard, ahead=not first, limit=shard.bytes * stop // shard.rows) as source:
        schema = known.schema = known.schema or pa.ipc.read_schema(source.message())
        if first:
            offset = max((row for row in list(known.positions) if row <= first), default=0)
            source.seek(known.positions.get(offset, source.position))
        sparse = part.rows is not None and part.stop - part.start < _SPARSE * (stop - first)
        while offset < stop:
            known.positions[offset] = source.position
            rows = source.rows()
            if offset + rows <= first or (sparse and not part.wants(offset, offset + rows)):
                source.skip()
            else:
                source.ahead = not sparse
                yield offset, pa.ipc.read_record_batch(source.message(), schema)
            offset += rows
        if part.whole:
            source.check()


class _Known:
    """What was learnt of a remote Arrow stream: its schema, and the bytes where record batches begin, by first row."""

    def __init__(self) -> None:
        self.schema: pa.Schema | None = None
        self.positions: dict[int, int] = {}


@functools.lru_cache(4096)
def _known(sha256: str) -> _Known:
    """Return what is known of the shard with this hash: streams that begin inside it need not read up to there."""
    return _Known()


def _announce(descriptor: int, begin: int, end: int) -> None:
    """Tell the system that these bytes of a mapped file will be used: it reads them at one go, not page by page."""
    if hasattr(os, "posix_fadvise"):  # Linux
        os.posix_fadvise(descriptor, begin, end - begin, os.POSIX_FADV_WILLNEED)


def _parquet_batches(
    package: Package, part: Part, copy: str | None, first: int, stop: int, columns: Sequence[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (first row, batch) of the row groups of a Parquet shard that hold rows ``first`` to ``stop``."""
    with _parquet(package, part.shard, copy) as file, ThreadPoolExecutor(1, "row group") as thread:
        counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        starts = [0, *itertools.accumulate(counts)]
        groups = deque(
            (start, group)
            for group, start in enumerate(starts[:-1])
            if start < stop and starts[group + 1] > first and part.wants(start, starts[group + 1])
        )
        ahead: deque[tuple[int, Future[pa.Table]]] = deque()
        while groups or ahead:
            while groups and len(ahead) < 2:
                start, group = groups.popleft()
                ahead.append((start, thread.submit(file.read_row_group, group, columns=list(columns))))
            start, future = ahead.popleft()
            for batch in future.result().combine_chunks().to_batches():
                yield start, batch
                start += len(batch)


@contextlib.contextmanager
def _parquet(package: Package, shard: Shard, copy: str | None = None) -> Iterator[pq.ParquetFile]:
    """Open a Parquet shard, in the package or a local copy of it."""
    path = copy or (package.url(shard.path) if package.local else None)
    if path is not None:
        with pq.ParquetFile(path.removeprefix("file://"), memory_map=True) as file:
            yield file
        return
    with _Ranges(package, shard) as source, pq.ParquetFile(source, pre_buffer=True) as file:
        yield file


class _Ranges(io.RawIOBase):
    """A remote shard as a file: each read is one request, tried again where its fault may pass."""

    def __init__(self, package: Package, shard: Shard) -> None:
        self.url, self.bytes = package.url(shard.path), shard.bytes
        self.file_system, self.name = fsspec.core.url_to_fs(self.url, **package.storage_options)
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = offset + (0, self.position, self.bytes)[whence]
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, size: int = -1) -> bytes:
        start = self.position
        end = self.bytes if size < 0 else min(start + size, self.bytes)
        data = _range(self.file_system, self.name, start, end, self.url) if start < end else b""
        self.position += len(data)
        return data


class _Ahead:
    """The messages of a remote Arrow stream, fetched in blocks by threads that run ahead of the reader.

    A message is the marker 0xFFFFFFFF, the length of its header (int32), the header, a flatbuffer, and its body
    (https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format).
    """

    def __init__(self, package: Package, shard: Shard, ahead: bool, limit: int) -> None:
        self.package, self.shard = package, shard
        self.ahead = ahead  # whether to fetch more than is asked for: not where much is skipped
        self.limit = limit  # about the byte up to which the stream will be read
        self.file_system, self.name = fsspec.core.url_to_fs(package.url(shard.path), **package.storage_options)
        self.position = 0
        self.hash = hashlib.sha256()
        self.head = b""  # the header of the next message, once it was read
        self.blocks: deque[Future[bytes]] = deque()
        self.block = memoryview(b"")
        self.requested = 0
        self.threads = ThreadPoolExecutor(_BLOCKS_AHEAD, "shard")
        self.closed = threading.Event()

    def __enter__(self) -> _Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def message(self) -> pa.ipc.Message:
        """Return the next message, header and body."""
        head = self._header()
        self.head = b""
        return pa.ipc.read_message(pa.py_buffer(b"".join((head, self._read(_message(head[8:])[1])))))

    def rows(self) -> int:
        """Return how many rows the next record batch has; its body is not fetched."""
        return _message(self._header()[8:])[0]

    def skip(self) -> None:
        """Go past the next message without fetching its body, but for what is under way."""
        body = _message(self._header()[8:])[1]
        self.head = b""
        if body <= len(self.block):
            self.position += body
            self.block = self.block[body:]
        else:
            self.seek(self.position + body)

    def seek(self, position: int) -> None:
        """Go on at a byte where a message begins; what is under way is given up."""
        if position == self.position:
            return
        for block in self.blocks:
            block.cancel()
        self.blocks.clear()
        self.block = memoryview(b"")
        self.position = self.requested = position
        self.head = b""

    def check(self) -> None:
        """Read to the end and compare the hash of all bytes with the manifest's: for a shard read from its start."""
        self._read(self.shard.bytes - self.position)
        if self.hash.hexdigest() != self.shard.sha256:
            raise _bad(self.package, self.shard, "its sha256 is not the manifest's")

    def _header(self) -> bytes:
        if not self.head:
            prefix = self._read(8)
            marker, length = struct.unpack("<Ii", prefix)
            if marker != 0xFFFFFFFF or not 0 < length < 1 << 24:
                raise EOFError("the stream is damaged" if length else "the stream ends too early")
            self.head = prefix + self._read(length)
        return self.head

    def _read(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        pieces = []
        left = count
        while left:
            if not len(self.block):
                self.block = memoryview(self._next_block(left))
            piece = self.block[:left]
            self.block = self.block[len(piece) :]
            left -= len(piece)
            pieces.append(piece)
        data = b"".join(pieces)
        self.position += count
        self.hash.update(data)
        return data

    def _next_block(self, needed: int) -> bytes:
        while len(self.blocks) < _BLOCKS_AHEAD and self.requested < self.shard.bytes:
            if self.ahead and self.requested < self.limit:
                size = min(max(self.requested // 4, _FIRST_BLOCK), _BLOCK, self.limit - self.requested)
                size = max(size, _HEADER)
            elif self.blocks:
                break
            else:
                size = max(needed, _HEADER)
            start, end = self.requested, min(self.requested + size, self.shard.bytes)
            self.blocks.append(self.threads.submit(self._fetch, start, end))
            self.requested = end
        if not self.blocks:
            raise EOFError(f"it ends at byte {self.position}")
        return self.blocks.popleft().result()

    def _fetch(self, start: int, end: int) -> bytes:
        return _range(self.file_system, self.name, start, end, self.package.url(self.shard.path), self.closed)


def _message(header: bytes) -> tuple[int, int]:
    """Return (rows, bytes of the body) of a message from its header; rows is 0 unless it is a record batch.

    Layout: ``Message.fbs`` of Arrow's format; flatbuffers: https://flatbuffers.dev/internals/.
    """

    def slot(table: int, number: int) -> int | None:
        vtable = table - struct.unpack_from("<i", header, table)[0]
        if 4 + 2 * number >= struct.unpack_from("<H", header, vtable)[0]:
            return None
        offset = struct.unpack_from("<H", header, vtable + 4 + 2 * number)[0]
        return table + offset if offset else None

    root = struct.unpack_from("<I", header)[0]
    kind, content, body = slot(root, 1), slot(root, 2), slot(root, 3)
    rows = 0
    if kind is not None and content is not None and header[kind] == 3:  # MessageHeader.RecordBatch
        length = slot(content + struct.unpack_from("<I", header, content)[0], 0)
        rows = struct.unpack_from("<q", header, length)[0] if length is not None else 0
    return rows, struct.unpack_from("<q", header, body)[0] if body is not None else 0


def _range(file_system: Any, name: str, start: int, end: int, url: str, closed: threading.Event | None = None) -> bytes:
    """Return bytes ``start`` to ``end`` of a file, all of them, after some tries where need be."""

    def attempt() -> bytes:
        data = _bytes_of(file_system, name, start, end)
        if len(data) > end - start:
            raise ValueError("the server ignores byte ranges; use one that knows them, or copy the package first")
        if len(data) < end - start:
            raise EOFError(f"bytes {start} to {end}: only {len(data)} came")
        return data

    return _patiently(attempt, url, closed)


def _bytes_of(file_system: Any, name: str, start: int, end: int) -> bytes:
    """Return bytes ``start`` to ``end`` of a file, in one request."""
    if isinstance(file_system, fsspec.asyn.AsyncFileSystem):
        data: bytes = fsspec.asyn.sync(
            file_system.loop, file_system._cat_file, name, start=start, end=end, timeout=_PATIENCE
        )
        return data
    with file_system.open(name, "rb", cache_type="none") as file:  # any other cache fetches more than is asked for
        file.seek(start)
        data = file.read(end - start)
    return data


def _patiently(action: Callable[[], T], what: str, closed: threading.Event | None = None) -> T:
    """Return what ``action`` returns, after further tries where its fault may pass: connections, timeouts, 429, 5xx."""
    for attempt in range(_TRIES):
        try:
            return action()
        except Exception as error:
            if attempt == _TRIES - 1 or not _may_pass(error) or (closed and closed.is_set()):
                if isinstance(error, FileNotFoundError | PermissionError):
                    raise
                raise ShardError(f"{what}: {type(error).__name__}: {error} (tried {attempt + 1} times)") from error
            wait = _FIRST_WAIT * 2**attempt
        (closed or threading.Event()).wait(wait)
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    """Return whether the same request may succeed later."""
    status = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status in (408, 425, 429) or status >= 500
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return False
    network = ("aiohttp", "asyncio", "botocore", "fsspec", "http", "httpcore", "httpx", "httpx2", "requests", "urllib3")
    return isinstance(error, OSError | EOFError | TimeoutError) or type(error).__module__.split(".")[0] in network


class _naming:  # noqa: N801 -- reads as a statement
    """Turn any failure to read a shard into a ShardError that names it."""

    def __init__(self, package: Package, shard: Shard) -> None:
        self.package, self.shard = package, shard

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError | EOFError | ValueError) and not isinstance(error, ShardError):
            raise _bad(self.package, self.shard, f"{type(error).__name__}: {error}") from error


def _bad(package: Package, shard: Shard, why: str) -> ShardError:
    repair = "build it again or copy it again" if package.local else "check the server, or fetch the package again"
    return ShardError(f"{package.url(shard.path)}: {why}; {repair} (cytoimagenet verify names every bad file)")


def _check_hashes(package: Package, shards: Sequence[Shard], files: Mapping[str, str]) -> None:
    """Raise ShardError for the first shard whose file does not have the manifest's sha256."""

    def digest(shard: Shard) -> str:
        found = hashlib.sha256()
        with _naming(package, shard), builtins.open(files[shard.path].removeprefix("file://"), "rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
        return found.hexdigest()

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for shard, found in zip(shards, threads.map(digest, shards), strict=True):
            if found != shard.sha256:
                raise _bad(package, shard, "its sha256 is not the manifest's")


def _parquet_columns(file_system: Any, name: str, columns: list[str]) -> pa.Table:
    with file_system.open(name, "rb") as file:
        return pq.read_table(file, columns=columns)


def _is_local(place: str) -> bool:
    return "://" not in place or place.startswith("file://")


def _options_of(place: str, options: Mapping[str, Any]) -> dict[str, Any]:
    own = options.get(place.partition("://")[0])
    if isinstance(own, Mapping):
        return dict(own)
    return {name: value for name, value in options.items() if not isinstance(value, Mapping) or name == "client_kwargs"}


def _texts(values: Iterable[str] | str) -> list[str]:
    """Return a list of texts; one text stands for a list of it."""
    return [values] if isinstance(values, str) else list(values)


def _features(schema: pa.Schema, classes: list[str]) -> datasets.Features:
    """Return the features of a config whose shards have this schema."""
    features = dict(datasets.Features.from_arrow_schema(schema.remove_metadata()))
    own = {"image": datasets.Image(), "label": datasets.ClassLabel(names=classes)}
    return datasets.Features({name: own.get(name, feature) for name, feature in features.items()})


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
    if not _is_local(os.fspath(path)):
        raise PackageError(f"{path} is not on this machine, and open memory-maps files; stream CytoImageNet")
    package = Package(os.fspath(path))
    selected = package.config(config, Filter(**conditions), columns)
    shards = [shard for shard in selected.shards if shard.split == split]
    if not shards:
        raise PackageError(f"no split {split!r} in {config!r}; there are {', '.join(selected.splits())}")
    if not shards[0].path.endswith(".arrow"):
        raise PackageError(f"{package.place} is in Parquet, which cannot be memory-mapped; use loader or load_dataset")
    facts = json.dumps([package.place, config, split, columns, conditions, [s.sha256 for s in shards]], default=list)
    fingerprint = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = os.path.join(datasets.config.HF_DATASETS_CACHE, "cytoimagenet", fingerprint, "mapped")
    source = _Source(package, shards, selected.features, whole=selected.rows is None)
    source.check()
    dataset = _Opened(
        _MappedTable(source, path),
        info=datasets.DatasetInfo(features=selected.features, dataset_name="cytoimagenet", config_name=config),
        split=datasets.NamedSplit(split),
        fingerprint=fingerprint,
    )
    if selected.rows is None:
        return dataset
    starts = np.cumsum([0, *(shard.rows for shard in shards)])
    wanted = [selected.rows[shard.path] + start for shard, start in zip(shards, starts[:-1], strict=True)]
    return dataset.select(np.concatenate(wanted))


class _Opened(datasets.Dataset):  # type: ignore[misc]  # datasets has no types
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
        return self._format_type is None and self._format_columns is None and isinstance(self._data, _MappedTable)

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


class _Source(NamedTuple):
    """The shards of an opened package; ``whole`` says that all their rows are wanted, so each label has an id."""

    package: Package
    shards: list[Shard]
    features: datasets.Features
    whole: bool

    def check(self) -> None:
        """Raise ShardError for a shard that is missing or has not the manifest's size; their bytes are not read."""
        for shard in self.shards:
            with _naming(self.package, shard):
                size = os.stat(self.path(shard)).st_size
                if size != shard.bytes:
                    raise ValueError(f"{size} bytes, and {shard.bytes} in the manifest")

    def path(self, shard: Shard) -> str:
        return self.package.url(shard.path).removeprefix("file://")

    def table(self, number: int, schema: pa.Schema) -> pa.Table:
        """Return a memory-mapped shard in the features' schema; a label without an id is null."""
        shard, features = self.shards[number], self.features
        with _naming(self.package, shard), pa.memory_map(self.path(shard)) as file:
            names = pa.ipc.open_stream(file).schema.names
            file.seek(0)
            options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in features])
            table = pa.ipc.open_stream(file, options=options).read_all()
            if table.num_rows != shard.rows:
                raise ValueError(f"{table.num_rows} rows, and {shard.rows} in the manifest")
        columns = {name: table[name] for name in features}
        if "label" in features:
            classes = pa.array(features["label"].names, pa.string())
            columns["label"] = pc.cast(pc.index_in(columns["label"], value_set=classes), pa.int64())
            if self.whole and columns["label"].null_count:
                raise _bad(self.package, shard, "it holds a class that classes.json does not name")
        return pa.table(list(columns.values()), schema=schema)


class _MappedTable(MemoryMappedTable):  # type: ignore[misc]  # datasets has no types
    """Memory-mapped shards as one table, with class ids in the place of class names; a shard is read when it is used.

    A table of ``datasets`` that is mapped from one file is pickled as its path and what was done to it since; this one
    likewise, from many files. Its ``path`` is a file that never exists, in the cache of ``datasets``: beside it go the
    results of ``map`` and ``filter``, so that nothing is ever written into the package.
    """

    def __init__(self, source: _Source, path: str, replays: Sequence[tuple[str, Any, Any]] = ()) -> None:
        self.source, self.path, self.replays = (
            source,
            os.path.abspath(path),
            list(replays),
        )  # not the base's, which index every batch
        self._steps = [replay for replay in replays if replay[0] != "slice"]  # each row's own, so slices come last
        self._stored = source.features.arrow_schema  # made once: it spells every class
        self._schema = self._apply_replays(self._stored.empty_table(), self._steps).schema
        self._starts = [0, *itertools.accumulate(shard.rows for shard in source.shards)]
        self._first, self._length = 0, self._starts[-1]
        for name, args, _ in replays:
            if name == "slice":
                offset, length = min(args[0], self._length), args[1]
                self._first += offset
                self._length = min(self._length - offset, self._length if length is None else length)
        self._loaded: list[_Batches | None] = [None] * len(source.shards)

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "path": self.path, "replays": self.replays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __deepcopy__(self, memo: dict[int, Any]) -> _MappedTable:
        return self  # nothing changes it

    def slice(self, offset: int = 0, length: int | None = None) -> _MappedTable:
        """Return rows from ``offset`` on."""
        return _MappedTable(self.source, self.path, [*self.replays, ("slice", (offset, length), {})])

    def __len__(self) -> int:
        return self._length

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def column_names(self) -> list[str]:
        return list(self._schema.names)

    @property
    def num_columns(self) -> int:
        return len(self._schema)

    @property
    def num_rows(self) -> int:
        return self._length

    @property
    def shape(self) -> tuple[int, int]:
        return self._length, len(self._schema)

    @functools.cached_property
    def table(self) -> pa.Table:
        """All rows as a pyarrow table, for which every shard is read."""
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
            list(threads.map(self._shard, range(len(self.source.shards))))
        return self.fast_slice(0)

    def row(self, row: int) -> dict[str, Any]:
        """Return a row as Python values."""
        batches, place, row = self._place(row)
        columns = batches.columns(place)
        return {
            name: {part: values[row].as_py() for part, values in column.items()}
            if isinstance(column, dict)
            else column[row].as_py()
            for name, column in zip(self._schema.names, columns, strict=True)
        }

    def fast_slice(self, offset: int = 0, length: int | None = None) -> pa.Table:
        """Return rows from ``offset`` on."""
        if offset < 0:
            raise IndexError("Offset must be non-negative")
        stop = self._length if length is None else min(offset + length, self._length)
        return pa.Table.from_batches(self._between(offset, stop), schema=self._schema)

    def fast_gather(self, indices: Iterable[int]) -> pa.Table:
        """Return the rows of these numbers."""
        places = map(self._place, (int(i) for i in indices))
        rows = [batches.batches[place].slice(row, 1) for batches, place, row in places]
        return pa.Table.from_batches(rows, schema=self._schema)

    def to_batches(self, max_chunksize: int | None = None) -> list[pa.RecordBatch]:
        return list(self.to_reader(max_chunksize))

    def to_reader(self, max_chunksize: int | None = None) -> pa.RecordBatchReader:
        """Return a reader of all rows, shard after shard."""

        def pieces() -> Iterator[pa.RecordBatch]:
            for batch in self._between(0, self._length):
                size = max_chunksize or len(batch)
                yield from (batch.slice(start, size) for start in range(0, len(batch), size))

        return pa.RecordBatchReader.from_batches(self._schema, pieces())

    def _between(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows from ``start`` to before ``stop``."""
        while start < stop:
            batches, place, row = self._place(start)
            batch = batches.batches[place]
            count = min(len(batch) - row, stop - start)
            yield batch if count == len(batch) else batch.slice(row, count)
            start += count

    def _place(self, row: int) -> tuple[_Batches, int, int]:
        """Return (batches of the shard, which of them, row there) of a row."""
        row += self._first
        number = bisect.bisect_right(self._starts, row) - 1
        row -= self._starts[number]
        batches = self._loaded[number] or self._shard(number)
        place = bisect.bisect_right(batches.starts, row) - 1
        return batches, place, row - batches.starts[place]

    def _shard(self, number: int) -> _Batches:
        found = self._loaded[number]
        if found is None:
            table = self.source.table(number, self._stored)
            found = self._loaded[number] = _Batches(self._apply_replays(table, self._steps))
        return found


class _Batches:
    """The record batches of a shard."""

    def __init__(self, table: pa.Table) -> None:
        self.batches = [batch for batch in table.to_batches() if len(batch)]
        self.starts = [0, *itertools.accumulate(map(len, self.batches))]
        self._columns: list[list[Any]] = [[] for _ in self.batches]

    def columns(self, place: int) -> list[Any]:
        """Return the arrays of a batch, of a struct {name: array}; kept: making them takes most of a row's time."""
        columns = self._columns[place]
        if not columns:
            columns = self._columns[place] = [
                {field.name: column.field(i) for i, field in enumerate(column.type)}
                if pa.types.is_struct(column.type) and not column.null_count
                else column
                for column in self.batches[place].columns
            ]
        return columns


def _of_rows(name: str) -> Callable[..., _MappedTable]:
    """Return a method that is done shard by shard, when the shard is used."""

    def method(self: _MappedTable, *args: Any, **kwargs: Any) -> _MappedTable:
        return _MappedTable(self.source, self.path, [*self.replays, (name, args, kwargs)])

    return method


def _of_columns(name: str) -> Callable[..., InMemoryTable]:
    """Return a method that needs all rows."""

    def method(self: _MappedTable, *args: Any, **kwargs: Any) -> InMemoryTable:
        return InMemoryTable(getattr(self.table, name)(*args, **kwargs))

    return method


for _name in ("cast", "flatten", "replace_schema_metadata", "remove_column", "rename_columns", "drop", "select"):
    setattr(_MappedTable, _name, _of_rows(_name))
for _name in ("filter", "combine_chunks", "add_column", "append_column", "set_column"):
    setattr(_MappedTable, _name, _of_columns(_name))


def decode(data: bytes | memoryview) -> np.ndarray[Any, Any]:
    """Return the pixels of a grey PNG: uint8 (H, W).

    An 8-bit grey PNG without interlacing, as the package holds, is inflated and un-filtered by compiled passes
    (https://www.w3.org/TR/png-3/#9Filters); anything else, or without numba, is left to Pillow, and so are the first
    pictures of a process. The four bands in which the builder writes larger pictures are inflated side by side; other
    streams by isal or zlib-ng.

    Raises
    ------
    ValueError
        Where the bytes are no picture that Pillow can read, or a damaged one.
    """
    return _decoded(data, _paying_kernels())


def decode_resized(
    data: bytes | memoryview, size: tuple[int, int], out: np.ndarray[Any, Any] | None = None
) -> np.ndarray[Any, Any]:
    """Return the pixels of a grey PNG at (H, W) = ``size``: uint8, those of Pillow's antialiased bilinear ``resize``.

    ``out`` (uint8, of that shape, contiguous) takes the result. Raises as ``decode`` does.
    """
    if out is None:
        out = np.empty(size, np.uint8)
    kernels = _paying_kernels()
    pixels = _decoded(data, kernels)
    if pixels.shape == tuple(size):
        out[:] = pixels
    elif kernels is None or (order := _order(pixels.shape, tuple(size))) == "pillow":
        out[:] = _pillow_resized(pixels, size)
    else:
        _resize(kernels, pixels, order, out)
    return out


def decode_batch(
    pictures: Sequence[bytes | memoryview], size: tuple[int, int] | None = None, threads: int | None = None
) -> list[np.ndarray[Any, Any]] | np.ndarray[Any, Any]:
    """Return the pixels of many grey PNGs, decoded by threads (all cores by default).

    Returns a list of uint8 (H, W), or with ``size`` one uint8 (N, H, W). Raises as ``decode`` does.
    """
    threads = min(threads or os.cpu_count() or 1, len(pictures))
    if size is None:
        found: list[Any] = [None] * len(pictures)
        _each_by_threads(lambda i: found.__setitem__(i, decode(pictures[i])), len(pictures), threads)
        return found
    out = np.empty((len(pictures), *size), np.uint8)
    _each_by_threads(lambda i: decode_resized(pictures[i], size, out[i]), len(pictures), threads)
    return out


def _each_by_threads(function: Callable[[int], object], count: int, threads: int) -> None:
    """Call a function with each number below ``count`` in so many threads, this one among them.

    A thread takes its next number itself: a future for each would cost a switch of threads a picture. Where calls
    fail, the error of the lowest number is raised, as one thread would.
    """
    todo = deque(range(count))
    failed: dict[int, Exception] = {}

    def run() -> None:
        while todo and not failed:
            try:
                number = todo.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                function(number)
            except Exception as error:  # noqa: BLE001 -- raised below
                failed[number] = error

    with contextlib.ExitStack() as stack:
        if threads > 1:
            pool = stack.enter_context(ThreadPoolExecutor(threads - 1))
            for _ in range(threads - 1):
                pool.submit(run)
        stack.callback(todo.clear)  # before the others are waited for, should this one be interrupted
        run()
    if failed:
        raise failed[min(failed)]


def _decoded(data: bytes | memoryview, kernels: _Kernels | None) -> np.ndarray[Any, Any]:
    shape = _plain_shape(data) if kernels else None
    if kernels is None or shape is None:
        return _pillow_pixels(data)
    pixels, rows = np.empty(shape, np.uint8), np.empty((shape[0], shape[1] + 1), np.uint8)
    if kernels.decode_banded(np.frombuffer(data, np.uint8), rows, pixels):
        return pixels
    found = _png_rows(data, rows.shape)
    if found is None:
        return _pillow_pixels(data)
    if not kernels.unfilter(found, pixels):
        raise ValueError("a damaged PNG: a row has an unknown filter")
    return pixels


def _paying_kernels() -> _Kernels | None:
    """Return the compiled passes, but for a process's first pictures None: who looks at a few need not wait for them.

    To load them takes a process as long as Pillow needs for some hundred pictures; to compile them, once a machine,
    some ten seconds.
    """
    return _kernels() if next(_pictures_decoded) >= _FIRST_BY_PILLOW else None


class _Kernels(NamedTuple):
    """The compiled passes."""

    decode_banded: Callable[..., bool]
    unfilter: Callable[..., bool]
    resize: Callable[..., None]


@functools.cache
def _kernels() -> _Kernels | None:
    """Return the compiled passes, or None without numba (extra ``fast``)."""
    try:
        import numba
    except ImportError:
        return None

    def jit(function: Callable[..., Any], **more: bool) -> Any:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", **more}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder where the machine code could be kept
            return numba.njit(**options)(function)

    for helpers, inlined in ((_INLINED, True), (_HELPERS, False)):  # compiled ones call compiled ones
        globals().update({function.__name__: jit(function, forceinline=inlined) for function in helpers})
    return _Kernels(jit(_decode_banded), _unfilter, jit(_resize_both))


@functools.cache
def _zlib() -> Any:
    """Return the fastest module with zlib's ``decompress(data, wbits, bufsize)`` and ``adler32`` that is installed."""
    for name in ("isal.isal_zlib", "zlib_ng.zlib_ng"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return zlib


def _plain_shape(data: bytes | memoryview) -> tuple[int, int] | None:
    """Return (H, W) of an 8-bit grey PNG without interlacing, None for anything else."""
    if data[:16] != b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" or len(data) < 57:
        return None
    width, height, *kind = struct.unpack_from(">IIBBBBB", data, 16)
    return (height, width) if kind == [8, 0, 0, 0, 0] and 0 < width * height <= _MOST_PIXELS else None


def _png_rows(data: bytes | memoryview, shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """Return the filtered rows (uint8, ``shape``: (H, 1 + W)) of a plain PNG; None for what Pillow knows better."""
    view = memoryview(data)
    pieces = []
    at = 33
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            pieces.append(view[at + 8 : at + 8 + length])
        elif name == b"tRNS":
            return None  # transparency
        elif name == b"IEND":
            break
        at += 12 + length
    else:
        return None  # truncated: Pillow says so
    try:
        raw = _zlib().decompress(pieces[0] if len(pieces) == 1 else b"".join(pieces), 15, shape[0] * shape[1])
    except Exception as error:  # each library has its own type
        raise ValueError(f"a damaged PNG: {error}") from error
    if len(raw) != shape[0] * shape[1]:
        raise ValueError(f"a damaged PNG: {len(raw)} bytes of rows, not {shape[0] * shape[1]}")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _pillow_pixels(data: bytes | memoryview) -> np.ndarray[Any, Any]:
    from PIL import Image

    _check_chunks(data)
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.mode[0] in "IF":
                raise ValueError(f"a picture of mode {picture.mode}: more than 8 bits would be cut off")
            return np.array(picture if picture.mode == "L" else picture.convert("L"))
    except OSError as error:
        raise ValueError(f"no picture, or a damaged one: {error}") from error


def _check_chunks(data: bytes | memoryview) -> None:
    """Raise ValueError where a PNG's pixels are not those that were written, which Pillow does not always notice."""
    view, at = memoryview(data), 8
    while bytes(view[:8]) == b"\x89PNG\r\n\x1a\n" and at + 12 <= len(view):
        (length,) = struct.unpack_from(">I", view, at)
        end = at + 8 + length
        if end + 4 > len(view):
            return  # truncated: Pillow says so
        if bytes(view[at + 4 : at + 8]) == b"IDAT" and struct.unpack_from(">I", view, end)[0] != _zlib().crc32(
            view[at + 4 : end]
        ):
            raise ValueError("a damaged PNG: a chunk's checksum is not that of its content")
        at = end + 4


_U = np.uint64  # numba mixes signed and unsigned 64 bits into floats: all of a sum is unsigned
_LOOK = 11  # bits that a look into a code table takes in; codes are no longer
_LITERALS, _SPECIAL, _DAMAGED = 1 << 8, 1 << 12, np.uint64(0)
_HEADER_NEXT, _IN_BLOCK, _ENDED, _BROKEN = 0, 1, 2, 3
_LENGTH_BASE = np.array([*range(3, 11), *(2**k * m + 3 for k in range(1, 6) for m in (4, 5, 6, 7)), 258])
_LENGTH_BITS = np.array([0] * 8 + [k for k in range(1, 6) for _ in range(4)] + [0])
_CODE_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])


def _decode_banded(data: Any, rows: Any, pixels: Any) -> bool:
    """Decode a PNG whose zlib stream is in four bands, an IDAT chunk each; False where it is not, or damaged.

    A band is a fourth of the rows, deflated with dynamic codes of at most 11 bits and matches of distance 1, and ends
    with an empty stored block. What is inflated so is what inflating the whole stream gives. All is one call, so that
    threads need the interpreter's lock once a picture.

    Parameters
    ----------
    data : uint8 (n,), a PNG with the header of an 8-bit grey one
    rows : uint8 (H, 1 + W), written
    pixels : uint8 (H, W), written
    """
    starts, ends, bounds = np.empty(4, np.uint64), np.empty(4, np.uint64), np.empty(5, np.uint64)
    height, stride = rows.shape
    at, count, whole = 33, 0, False
    while at + 12 <= data.size and not whole:
        length, kind = _big_endian(data, at), _big_endian(data, at + 4)
        if kind == 0x49444154 and count < 4:  # IDAT
            starts[count], ends[count] = at + 8, at + 8 + length
            count += 1
        elif kind == 0x49454E44:  # IEND
            whole = True
        else:
            return False
        at += 12 + length
    if not whole or count != 4 or height < 4 or ends[3] < starts[3] + _U(4):
        return False
    if data[starts[0]] != 0x78 or data[starts[0] + _U(1)] != 1 or _U(4) * (ends[3] - starts[0]) < _U(rows.size):
        return False  # few bits a byte: mostly matches, in which one stream is as fast as four
    starts[0] += _U(2)
    ends[3] -= _U(4)
    adler = _big_endian(data, np.int64(ends[3]))
    for band in range(4):
        starts[band], ends[band], bounds[band] = starts[band] << _U(3), ends[band] << _U(3), height * band // 4 * stride
    bounds[4] = height * stride
    flat = rows.reshape(-1)
    return _inflate_bands(data, starts, ends, flat, bounds) and _adler(flat) == adler and _unfilter(rows, pixels)


def _big_endian(data: Any, at: Any) -> Any:
    return (
        np.int64(data[at]) << 24 | np.int64(data[at + 1]) << 16 | np.int64(data[at + 2]) << 8 | np.int64(data[at + 3])
    )


def _adler(data: Any) -> Any:
    """Return the Adler-32 checksum (https://www.rfc-editor.org/rfc/rfc1950)."""
    low, high = np.int64(1), np.int64(0)
    for start in range(0, data.size, 2048):  # sums of so many fit into 32 bits
        piece = data[start : start + 2048]
        size = piece.size
        plain, weighted = np.uint32(0), np.uint32(0)
        for i in range(size):
            plain += np.uint32(piece[i])
            weighted += np.uint32(size - i) * np.uint32(piece[i])
        high = (high + low * size + np.int64(weighted)) % 65521
        low = (low + np.int64(plain)) % 65521
    return high << 16 | low


def _inflate_bands(data: Any, starts: Any, ends: Any, out: Any, bounds: Any) -> bool:
    """Inflate four deflated bands (https://www.rfc-editor.org/rfc/rfc1951) side by side; False for any surprise.

    One stream keeps a processor waiting for each code's length; four give it something to do meanwhile. At least 20
    bytes of ``data`` follow the last band, which is what reading 8 bytes at a time may look beyond it.

    Parameters
    ----------
    data : uint8 (n,)
    starts, ends : uint64 (4,), in bits
    out : uint8, written
    bounds : uint64 (5,), where in ``out`` each band begins and the last one ends
    """
    tables, single = np.empty((4, 1 << _LOOK), np.uint32), np.empty(1 << _LOOK, np.uint32)
    at, to = starts.copy(), bounds[:4].copy()
    status, final = np.zeros(4, np.int64), np.zeros(4, np.int64)
    met = 15  # which bands cannot go on by literals alone, a bit each
    while min(status) < _ENDED:
        alone = max(status) == _ENDED
        for band in range(4):
            if status[band] == _IN_BLOCK and met >> band & 1:
                at[band], to[band], status[band] = _inflate_on(
                    data, at[band], ends[band], out, bounds[band], to[band], bounds[band + 1], tables[band], alone
                )
                if status[band] == _HEADER_NEXT and final[band]:
                    status[band] = _ENDED
            while status[band] == _HEADER_NEXT:
                at[band], kind = _block_header(data, at[band], ends[band], single, tables[band])
                if at[band] == _DAMAGED:
                    return False
                final[band] = kind & 1
                status[band] = _ENDED if kind & 2 else _IN_BLOCK  # 2: an empty stored block ends a band
            if status[band] == _BROKEN:
                return False
        met = 15 if max(status) == _ENDED else _inflate_together(data, at, ends, out, to, bounds, tables)
    for band in range(4):
        whole = (at[band] + _U(7)) & ~_U(7) == ends[band] and to[band] == bounds[band + 1]
        if not whole or final[band] != (band == 3):
            return False
    return True


def _word(data: Any, at: Any) -> Any:
    """Return at least 57 bits from a bit on, the first the lowest."""
    return _load(data, at >> _U(3)) >> (at & _U(7))


def _put_literals(out: Any, to: Any, entry: Any) -> Any:
    """Store the one or two literals of a table's entry, always two bytes; return where the next go."""
    out[to] = np.uint8(entry >> _U(16))
    out[to + _U(1)] = np.uint8(entry >> _U(24))
    return to + (entry >> _U(8) & _U(3))


def _five_looks(data: Any, at: Any, out: Any, to: Any, table: Any) -> Any:
    """Look five times into a band's code table; return where it then is, and how many looks saw no literal."""
    look, width = _U((1 << _LOOK) - 1), _U(63)
    word = _word(data, at)
    a = _U(table[word & look])
    word >>= a & width
    b = _U(table[word & look])
    word >>= b & width
    c = _U(table[word & look])
    word >>= c & width
    d = _U(table[word & look])
    word >>= d & width
    e = _U(table[word & look])
    to = _put_literals(out, _put_literals(out, _put_literals(out, to, a), b), c)
    to = _put_literals(out, _put_literals(out, to, d), e)
    low = _U(0xFFFF)  # widths add up to at most 55, in 6 bits; literals to 10, in 4; what is above are the others
    total = (a & low) + (b & low) + (c & low) + (d & low) + (e & low)
    return at + (total & width), to, total >> _U(12)


def _rounds(at: Any, end: Any, to: Any, stop: Any) -> Any:
    """Return how often five looks, of at most 55 bits and 10 literals, surely stay within the band."""
    return min((np.int64(end) - np.int64(at)) >> 6, (np.int64(stop) - np.int64(to)) >> 4) - 1


def _inflate_together(data: Any, at: Any, ends: Any, out: Any, to: Any, bounds: Any, tables: Any) -> int:
    """Inflate literals of all bands until one meets something else or nears its end; ``at`` and ``to`` move on.

    Returns which bands stopped there, a bit each.
    """
    at0, at1, at2, at3 = at[0], at[1], at[2], at[3]
    to0, to1, to2, to3 = to[0], to[1], to[2], to[3]
    table0, table1, table2, table3 = tables[0], tables[1], tables[2], tables[3]
    stopped = 0
    while stopped == 0:
        rounds = min(_rounds(at0, ends[0], to0, bounds[1]), _rounds(at1, ends[1], to1, bounds[2]))
        rounds = min(rounds, _rounds(at2, ends[2], to2, bounds[3]), _rounds(at3, ends[3], to3, bounds[4]))
        if rounds <= 0:
            stopped = 15
        for _ in range(rounds):
            next0, after0, met0 = _five_looks(data, at0, out, to0, table0)
            next1, after1, met1 = _five_looks(data, at1, out, to1, table1)
            next2, after2, met2 = _five_looks(data, at2, out, to2, table2)
            next3, after3, met3 = _five_looks(data, at3, out, to3, table3)
            if met0 | met1 | met2 | met3:
                stopped = (met0 != 0) | (met1 != 0) << 1 | (met2 != 0) << 2 | (met3 != 0) << 3
                at0, to0 = (at0, to0) if met0 else (next0, after0)
                at1, to1 = (at1, to1) if met1 else (next1, after1)
                at2, to2 = (at2, to2) if met2 else (next2, after2)
                at3, to3 = (at3, to3) if met3 else (next3, after3)
                break
            at0, at1, at2, at3 = next0, next1, next2, next3
            to0, to1, to2, to3 = after0, after1, after2, after3
    at[0], at[1], at[2], at[3] = at0, at1, at2, at3
    to[0], to[1], to[2], to[3] = to0, to1, to2, to3
    return stopped


def _inflate_on(data: Any, at: Any, end: Any, out: Any, start: Any, to: Any, stop: Any, table: Any, alone: bool) -> Any:
    """Inflate a band to just after the next match or end of a block, or some looks; return (at, to, status)."""
    if alone:
        for _ in range(_rounds(at, end, to, stop)):
            following, after, met = _five_looks(data, at, out, to, table)
            if met:
                break
            at, to = following, after
    for _ in range(8):
        if at >= end:
            return at, to, _BROKEN
        word = _word(data, at)
        entry = _U(table[word & _U((1 << _LOOK) - 1)])
        at += entry & _U(63)
        if entry & _U(_SPECIAL):
            symbol = np.int64(entry >> _U(16)) - 257
            if symbol < 0:
                return at, to, _HEADER_NEXT
            word >>= entry & _U(63)
            more = _U(_LENGTH_BITS[symbol]) if symbol < 29 else _U(0)
            length = _U(_LENGTH_BASE[symbol]) + (word & ((_U(1) << more) - _U(1))) if symbol < 29 else stop
            if word >> more & _U(1) or to == start or length > stop - to:  # 1: a distance code that is not there
                return at, to, _BROKEN
            at += more + _U(1)
            value = out[to - _U(1)]
            for k in range(length):
                out[to + _U(k)] = value
            return at, to + length, _IN_BLOCK
        count = entry >> _U(8) & _U(3)
        if count > stop - to:
            return at, to, _BROKEN
        out[to] = np.uint8(entry >> _U(16))
        if count == _U(2):
            out[to + _U(1)] = np.uint8(entry >> _U(24))
        to += count
    return at, to, _IN_BLOCK


def _bits(data: Any, at: Any, count: Any) -> Any:
    return np.int64(_word(data, at) & ((_U(1) << _U(count)) - _U(1)))


def _block_header(data: Any, at: Any, end: Any, single: Any, table: Any) -> Any:
    """Read a block's header and make its table; return where its symbols begin, and 1 if final + 2 if empty and stored.

    The place is ``_DAMAGED`` for a block as the builder does not write it.
    """
    kind = _bits(data, at, 3)
    if kind == 0:  # stored
        at = (at + _U(3 + 7)) & ~_U(7)
        return (at + _U(32) if _bits(data, at, 32) == 0xFFFF0000 else _DAMAGED), 2
    used, distances, width = _bits(data, at + _U(3), 5) + 257, _bits(data, at + _U(8), 5), _bits(data, at + _U(13), 4)
    at += _U(17)
    if kind < 4 or kind > 5 or used > 286 or distances or at > end:
        return _DAMAGED, 0
    own = np.zeros(19, np.int64)
    for k in range(width + 4):
        own[_CODE_ORDER[k]] = _bits(data, at, 3)
        at += _U(3)
    short = np.empty(128, np.uint32)
    lengths = np.zeros(used + 1, np.int64)
    if not _code_table(own, 7, short):
        return _DAMAGED, 0
    done = np.int64(0)
    while done <= used:
        if at > end:
            return _DAMAGED, 0
        entry = np.int64(short[_bits(data, at, 7)])
        at += _U(entry & 63)
        symbol = entry >> 16
        value, run, more = symbol, 1, 0
        if symbol > 15:
            more = 2 if symbol == 16 else 3 if symbol == 17 else 7
            run = (11 if symbol == 18 else 3) + _bits(data, at, more)
            value = 0 if symbol > 16 else lengths[done - 1] if done else np.int64(99)
            at += _U(more)
        if done + run > used + 1:
            return _DAMAGED, 0
        for _ in range(run):  # array expressions take numba long to compile
            lengths[done] = value
            done += 1
    if lengths[used] != 1 or not _code_table(lengths[:used], _LOOK, single):  # 1: the only distance code
        return _DAMAGED, 0
    _pair_literals(single, table)
    return at, kind & 1


def _code_table(lengths: Any, longest: Any, table: Any) -> bool:
    """Fill a table (uint32 (2**longest,)) with what any next bits begin with; False where the code is not complete.

    An entry has the code's length in bits 0 to 5; of a literal, bits 8 and 9 are 1, of any other symbol bit 12 is set;
    the symbol is in bits 16 and up.
    """
    following = np.zeros(longest + 2, np.int64)
    for length in lengths:
        if length > longest:
            return False
        following[length + 1] += 1
    following[1] = 0  # symbols that do not occur
    code = np.int64(0)
    for length in range(1, longest + 1):
        code = (code + following[length]) << 1
        following[length] = code
    if code + following[longest + 1] != 1 << longest:
        return False
    for symbol in range(lengths.size):
        length, reverse = lengths[symbol], np.int64(0)
        if length:
            code = following[length]
            following[length] += 1
            for _ in range(length):
                reverse = reverse << 1 | code & 1
                code >>= 1
            entry = np.uint32(symbol << 16 | (_LITERALS if symbol < 256 else _SPECIAL) | length)
            for place in range(reverse, 1 << longest, 1 << length):
                table[place] = entry
    return True


def _pair_literals(single: Any, table: Any) -> None:
    """Make the table of what is seen at a look: two literals where both fit, the second in bits 24 and up."""
    for place in range(1 << _LOOK):
        entry = single[place]
        other = single[place >> np.int64(entry & np.uint32(63))]
        width = (entry & np.uint32(63)) + (other & np.uint32(63))
        if width <= np.uint32(_LOOK) and (entry | other) & np.uint32(_SPECIAL) == np.uint32(0):
            entry = (entry & np.uint32(0xFF0000)) | other >> np.uint32(16) << np.uint32(24)
            entry |= np.uint32(2 * _LITERALS) | width
        table[place] = entry


def _unfilter(rows: Any, out: Any) -> bool:
    """Undo the filters of rows (uint8 (H, 1 + W)) into out (uint8 (H, W)); False for a filter that does not exist.

    Rows of one filter are undone two or four together, each a pixel behind the one above: every pixel waits for its
    left neighbour, so a processor does all of them in the time of one.
    """
    height, width = out.shape
    blank = np.zeros(width, np.uint8)
    y = 0
    while y < height:
        kind = rows[y, 0]
        above = out[y - 1] if y else blank
        row, target = rows[y, 1:], out[y]
        same = 1
        while same < 4 and y + same < height and rows[y + same, 0] == kind:
            same += 1
        if kind == 4 and same > 1:
            _paeth_pair(row, rows[y + 1, 1:], above, target, out[y + 1])
            y += 1
        elif kind == 4:
            _paeth_row(row, above, target)
        elif kind == 3 and same == 4 and width > 3:
            _average_four(rows[y : y + 4, 1:], above, out[y : y + 4])
            y += 3
        elif kind == 3:
            _average_part(row, above, target, 0, width)
        elif kind == 2:
            for x in range(width):
                target[x] = (np.int32(row[x]) + np.int32(above[x])) & 255
        elif kind == 1:
            left = np.int32(0)
            for x in range(width):
                left = (left + np.int32(row[x])) & 255
                target[x] = left
        elif kind == 0:
            for x in range(width):
                target[x] = row[x]
        else:
            return False
        y += 1
    return True


def _paeth_step(value: Any, left: Any, up: Any, corner: Any) -> Any:
    """Return a pixel: its filtered value plus whichever of its neighbours is nearest to left + up - corner."""
    across, down = up - corner, left - corner
    to_left, to_up, to_corner = abs(across), abs(down), abs(across + down)
    guess = up if to_up <= to_corner else corner
    guess = left if to_left <= to_up and to_left <= to_corner else guess
    return (np.int32(value) + guess) & np.int32(255)


def _paeth_row(row: Any, above: Any, target: Any) -> None:
    left, corner = np.int32(0), np.int32(0)
    for x in range(target.size):
        up = np.int32(above[x])
        left = _paeth_step(row[x], left, up, corner)
        corner = up
        target[x] = left


def _paeth_pair(row: Any, lower_row: Any, above: Any, target: Any, lower: Any) -> None:
    last = target.size - 1
    corner = np.int32(above[0])
    left = _paeth_step(row[0], np.int32(0), corner, np.int32(0))
    target[0] = left
    lower_left, lower_corner = np.int32(0), np.int32(0)
    for x in range(1, last + 1):
        lower_up, up = left, np.int32(above[x])
        left = _paeth_step(row[x], left, up, corner)
        corner = up
        target[x] = left
        lower_left = _paeth_step(lower_row[x - 1], lower_left, lower_up, lower_corner)
        lower_corner = lower_up
        lower[x - 1] = lower_left
    lower[last] = _paeth_step(lower_row[last], lower_left, left, lower_corner)


def _average_step(value: Any, left: Any, up: Any) -> Any:
    return (np.int32(value) + ((left + up) >> 1)) & np.int32(255)


def _average_part(row: Any, above: Any, target: Any, start: Any, end: Any) -> None:
    left = np.int32(target[start - 1]) if start else np.int32(0)
    for x in range(start, end):
        left = _average_step(row[x], left, np.int32(above[x]))
        target[x] = left


def _average_four(rows: Any, above: Any, out: Any) -> None:
    """Undo four rows (uint8 (4, W), W > 3): one by one at both ends, where not all four have a pixel to do."""
    width = out.shape[1]
    row0, row1, row2, row3 = rows[0, 3:], rows[1, 2:], rows[2, 1:], rows[3]
    out0, out1, out2, out3 = out[0, 3:], out[1, 2:], out[2, 1:], out[3]
    _average_part(rows[0], above, out[0], 0, 3)
    _average_part(rows[1], out[0], out[1], 0, 2)
    _average_part(rows[2], out[1], out[2], 0, 1)
    left0, left1, left2, left3 = np.int32(out[0, 2]), np.int32(out[1, 1]), np.int32(out[2, 0]), np.int32(0)
    above = above[3:]
    for x in range(width - 3):
        next0 = _average_step(row0[x], left0, np.int32(above[x]))
        next1 = _average_step(row1[x], left1, left0)
        next2 = _average_step(row2[x], left2, left1)
        left3 = _average_step(row3[x], left3, left2)
        left0, left1, left2 = next0, next1, next2
        out0[x], out1[x], out2[x], out3[x] = left0, left1, left2, left3
    for k in range(1, 4):
        _average_part(rows[k], out[k - 1], out[k], width - k, width)


@functools.lru_cache(4096)
def _order(shape: tuple[int, int], size: tuple[int, int]) -> str:
    """Return which pass comes first, ``rows`` or ``columns``, so that the pixels are those of the installed Pillow.

    Pillow rounds to whole grey levels between its two passes; releases differ in which comes first, and may choose
    by shape. So noise is resized both ways and compared: once a shape. ``pillow`` where neither is the same.
    """
    kernels = _kernels()
    if kernels is None:
        return "pillow"
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    wanted = _pillow_resized(noise, size)
    out = np.empty(size, np.uint8)
    for order in ("rows", "columns"):
        _resize(kernels, noise, order, out)
        if np.array_equal(out, wanted):
            return order
    return "pillow"


def _pillow_resized(pixels: np.ndarray[Any, Any], size: tuple[int, int]) -> np.ndarray[Any, Any]:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR))


def _resize(kernels: _Kernels, pixels: np.ndarray[Any, Any], order: str, out: np.ndarray[Any, Any]) -> None:
    """Resize pixels (uint8 (H, W)) into out (uint8), one direction after the other."""
    (height, width), (target_height, target_width) = pixels.shape, out.shape
    down, across = _weights(height, target_height), _weights(width, target_width)
    kernels.resize(pixels, order == "rows", *down, *across, out)


@functools.lru_cache(4096)
def _weights(size: int, target: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return, for each target pixel, its first source pixel (uint64) and its weights (int32, (most, target)).

    The triangle filter, widened by the factor of reduction, normalised, in units of 2**-22: what Pillow's
    ``ImagingResample`` computes for 8-bit pictures (src/libImaging/Resample.c).
    """
    scale = size / target
    wide = max(scale, 1.0)
    firsts = np.empty(target, np.uint64)
    weights = np.zeros((int(np.ceil(wide)) * 2 + 1, target), np.int32)
    most = 0
    for i in range(target):
        center = (i + 0.5) * scale
        first, stop = max(int(center - wide + 0.5), 0), min(int(center + wide + 0.5), size)
        triangle = np.maximum(1.0 - np.abs((np.arange(first, stop) - center + 0.5) * (1.0 / wide)), 0.0)
        total = 0.0
        for weight in triangle:  # one after the other, as there: the last bit depends on the order
            total += weight
        firsts[i] = first
        weights[: stop - first, i] = np.floor(0.5 + triangle * (1.0 / total) * (1 << 22)).astype(np.int32)
        most = max(most, stop - first)
    return firsts, np.ascontiguousarray(weights[:most])


def _resize_both(
    pixels: Any, rows_first: Any, firsts: Any, weights: Any, row_firsts: Any, row_weights: Any, out: Any
) -> None:
    """Resize pixels (uint8 (H, W)) into out (uint8); the weights of columns, then of rows."""
    height, width = (pixels.shape[0], out.shape[1]) if rows_first else (out.shape[0], pixels.shape[1])
    between = np.empty((height, width), np.uint8)
    if rows_first:
        _resize_rows(pixels, row_firsts, row_weights, between)
        _resize_columns(between, firsts, weights, out)
    else:
        _resize_columns(pixels, firsts, weights, between)
        _resize_rows(between, row_firsts, row_weights, out)


def _resize_rows(pixels: Any, firsts: Any, weights: Any, out: Any) -> None:
    """Resize each row of pixels (uint8 (H, W)) into out (uint8 (H, target)): as the columns of the turned picture."""
    turned, resized = np.empty(pixels.shape[::-1], np.uint8), np.empty(out.shape[::-1], np.uint8)
    _transpose(pixels, turned)
    _resize_columns(turned, firsts, weights, resized)
    _transpose(resized, out)


def _transpose(pixels: Any, out: Any) -> None:
    """Write the transposed pixels (uint8 (H, W)) to out (uint8 (W, H)), 8 by 8 of them in eight registers."""
    height, width = pixels.shape
    whole_height, whole_width = height // 8 * 8, width // 8 * 8
    for top in range(0, whole_height, 8):
        y = _U(top)
        row = pixels[top : top + 8]
        for left in range(0, whole_width, 8):
            x, column = _U(left), out[left : left + 8]
            a, b, c, d = _load(row[0], x), _load(row[1], x), _load(row[2], x), _load(row[3], x)
            e, f, g, h = _load(row[4], x), _load(row[5], x), _load(row[6], x), _load(row[7], x)
            a, e = _swap(a, e, 32, 0x00000000FFFFFFFF)
            b, f = _swap(b, f, 32, 0x00000000FFFFFFFF)
            c, g = _swap(c, g, 32, 0x00000000FFFFFFFF)
            d, h = _swap(d, h, 32, 0x00000000FFFFFFFF)
            a, c = _swap(a, c, 16, 0x0000FFFF0000FFFF)
            b, d = _swap(b, d, 16, 0x0000FFFF0000FFFF)
            e, g = _swap(e, g, 16, 0x0000FFFF0000FFFF)
            f, h = _swap(f, h, 16, 0x0000FFFF0000FFFF)
            a, b = _swap(a, b, 8, 0x00FF00FF00FF00FF)
            c, d = _swap(c, d, 8, 0x00FF00FF00FF00FF)
            e, f = _swap(e, f, 8, 0x00FF00FF00FF00FF)
            g, h = _swap(g, h, 8, 0x00FF00FF00FF00FF)
            _store(column[0], y, a)
            _store(column[1], y, b)
            _store(column[2], y, c)
            _store(column[3], y, d)
            _store(column[4], y, e)
            _store(column[5], y, f)
            _store(column[6], y, g)
            _store(column[7], y, h)
    for y in range(height):
        for x in range(whole_width if y < whole_height else 0, width):
            out[x, y] = pixels[y, x]


def _swap(one: Any, other: Any, shift: Any, mask: Any) -> Any:
    """Exchange the high parts of one with the low parts of the other; return both."""
    changed = (one >> _U(shift) ^ other) & _U(mask)
    return one ^ changed << _U(shift), other ^ changed


def _load(row: Any, x: Any) -> Any:
    """Return 8 bytes; LLVM makes one load of it."""
    low = _U(row[x]) | _U(row[x + _U(1)]) << _U(8) | _U(row[x + _U(2)]) << _U(16) | _U(row[x + _U(3)]) << _U(24)
    high = (
        _U(row[x + _U(4)]) | _U(row[x + _U(5)]) << _U(8) | _U(row[x + _U(6)]) << _U(16) | _U(row[x + _U(7)]) << _U(24)
    )
    return low | high << _U(32)


def _store(row: Any, x: Any, word: Any) -> None:
    for k in range(8):
        row[x + _U(k)] = np.uint8(word >> _U(8 * k))


def _resize_columns(pixels: Any, firsts: Any, weights: Any, out: Any) -> None:
    """Resize each column of pixels (uint8 (H, W)) into out (uint8 (target, W))."""
    height, width = pixels.shape
    total = np.empty(width, np.int32)
    for y in range(out.shape[0]):
        first = np.int64(firsts[y])
        total[:] = 1 << 21
        for k in range(min(weights.shape[0], height - first)):
            weight = weights[k, y]
            row = pixels[first + k]
            for x in range(width):
                total[x] += np.int32(row[x]) * weight
        line = out[y]
        for x in range(width):
            line[x] = total[x] >> 22


_INLINED = (_load, _store, _swap, _word, _put_literals, _five_looks, _rounds, _average_step)
_HELPERS = (
    *(_bits, _code_table, _pair_literals, _block_header, _inflate_on, _inflate_together, _inflate_bands),
    *(_paeth_step, _paeth_row, _paeth_pair, _average_part, _average_four, _unfilter, _adler, _big_endian),
    *(_transpose, _resize_columns, _resize_rows),
)


class Loader:
    """Batches for training, from a local or remote package; see ``loader``.

    Attributes
    ----------
    classes : the class names, in the order of their ids
    epoch : the epoch that the next ``iter`` gives; it goes up by one when all batches of an epoch were taken
    """

    def __init__(
        self,
        package: Package,
        selected: Selected,
        split: str,
        *,
        batch_size: int,
        size: tuple[int, int] | None,
        shuffle: bool,
        seed: int,
        buffer: int,
        threads: int,
        rank: int,
        world_size: int,
        drop_last: bool,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank must lie in [0, {world_size}), not {rank}")
        if min(batch_size, buffer, threads) < 1:
            raise ValueError("batch_size, buffer and threads must be at least 1")
        self.classes = selected.classes
        self.epoch = 0
        self._package, self._rows = package, _Pictures(selected.classes)
        self._streams = selected.streams(split, world_size)
        self._batch_size, self._size, self._shuffle, self._seed = batch_size, size, shuffle, seed
        self._buffer, self._threads, self._drop_last = buffer, threads, drop_last
        self._rank, self._world_size = rank, world_size
        self._given = 0  # rows of this epoch that were taken
        self._resumed = False

    def __len__(self) -> int:
        """Return the number of batches of this epoch; with ``drop_last`` the same on all nodes."""
        if self._drop_last:
            return min(map(_count, map(self._order, range(self._world_size)))) // self._batch_size
        return -(-_count(self._order(self._rank)) // self._batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Begin this epoch at its first batch."""
        self.epoch, self._given, self._resumed = epoch, 0, False

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands, after the last batch that was taken: plain values."""
        return {"epoch": self.epoch, "given": self._given, "order": self._fingerprint()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, at the next ``iter``, where ``state_dict`` stood.

        Raises
        ------
        ValueError
            Where the state comes from other data, another seed, buffer or number of nodes: the order is another.
        """
        if state["order"] != self._fingerprint():
            raise ValueError("the state is of a loader with other data, seed, buffer, rank or world_size")
        self.epoch, self._given, self._resumed = state["epoch"], state["given"], True

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield (images, labels): torch uint8 (B, 1, H, W), or without ``size`` a list of (H, W); int64 (B,)."""
        import torch

        if not self._resumed:
            self._given = 0
        self._resumed = False
        left = len(self) - -(-self._given // self._batch_size)
        ahead: deque[Future[tuple[Any, np.ndarray[Any, Any]]]] = deque()
        rows = self._shuffled(self._given)
        with ThreadPoolExecutor(self._threads, "decode") as threads, contextlib.closing(rows):
            try:
                while left:
                    while len(ahead) < min(left, self._threads + 2):
                        ahead.append(threads.submit(self._batch, list(itertools.islice(rows, self._batch_size))))
                    pictures, labels = ahead.popleft().result()
                    left -= 1
                    self._given += len(labels)
                    if isinstance(pictures, list):
                        yield [torch.from_numpy(picture) for picture in pictures], torch.from_numpy(labels)
                    else:
                        yield torch.from_numpy(pictures), torch.from_numpy(labels)
            finally:
                for future in ahead:
                    future.cancel()
        self.epoch, self._given = self.epoch + 1, 0

    def _batch(self, rows: list[tuple[int, Picture]]) -> tuple[Any, np.ndarray[Any, Any]]:
        out = None if self._size is None else np.empty((len(rows), 1, *self._size), np.uint8)
        plain = []
        for i, (key, (data, _)) in enumerate(rows):
            try:
                if out is None or self._size is None:
                    plain.append(decode(data))
                else:
                    decode_resized(data, self._size, out[i, 0])
            except ValueError as error:
                shard = f"{CATEGORIES[key >> 60]} shard {key >> 32 & 0xFFFFFFF}, picture {key & 0xFFFFFFFF}"
                raise ShardError(f"{self._package.place}: {shard}: {error}; run cytoimagenet verify") from error
        return plain if out is None else out, np.array([label for _, (_, label) in rows], np.int64)

    def _order(self, rank: int) -> list[tuple[Part, ...]]:
        """Return a node's streams in the order of this epoch."""
        if not self._shuffle:
            return self._streams[rank :: self._world_size]
        order = np.random.default_rng([self._seed, self.epoch]).permutation(len(self._streams))
        return [self._streams[i] for i in order[rank :: self._world_size]]

    def _shuffled(self, start: int) -> Generator[tuple[int, Picture], None, None]:
        """Yield (key, row) from row ``start`` of the epoch on, each window of ``buffer`` rows in a drawn order."""
        order = self._order(self._rank)
        if not self._shuffle:
            yield from self._sequence(order, start)
            return
        window, past = divmod(start, self._buffer)
        rows = self._sequence(order, window * self._buffer)
        with ThreadPoolExecutor(1, "read") as thread:
            ahead = thread.submit(lambda: list(itertools.islice(rows, self._buffer)))
            while held := ahead.result():
                ahead = thread.submit(lambda: list(itertools.islice(rows, self._buffer)))
                draw = np.random.default_rng([self._seed, self.epoch, self._rank, window])
                for i in draw.permutation(len(held))[past:]:
                    yield held[i]
                window, past = window + 1, 0

    def _sequence(self, order: Sequence[tuple[Part, ...]], skip: int) -> Iterator[tuple[int, Picture]]:
        for stream in order:
            count = _count([stream])
            if skip >= count:
                skip -= count
                continue
            yield from _interleaved(self._package, stream, {}, self._rows, skip)
            skip = 0

    def _fingerprint(self) -> str:
        facts = [self._seed, self._shuffle, self._buffer, self._rank, self._world_size, self.classes]
        shards = [(part.shard.sha256, part.start, part.stop) for stream in self._streams for part in stream]
        return hashlib.sha256(json.dumps([facts, shards]).encode()).hexdigest()


def _count(streams: Iterable[tuple[Part, ...]]) -> int:
    return sum(part.stop - part.start for stream in streams for part in stream)


def loader(
    place: str | os.PathLike[str],
    config: str = FULL,
    split: str = "train",
    *,
    batch_size: int = 64,
    size: int | tuple[int, int] | None = 224,
    shuffle: bool = True,
    seed: int = 0,
    buffer: int = 1000,
    threads: int | None = None,
    rank: int = 0,
    world_size: int = 1,
    drop_last: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    **conditions: Any,
) -> Loader:
    """Return batches for training in PyTorch, from a package in a folder or at a URL.

    ``for images, labels in loader(...)`` gives each picture once an epoch: torch uint8 (B, 1, H, W) and int64 (B,).
    Threads decode and resize (compiled passes leave Python's lock), so no worker processes are needed, and the order
    depends on the seed and the epoch only, not on the number of threads.

    Parameters
    ----------
    size : pixels, one number or (H, W), resized as Pillow's antialiased bilinear; None gives a list of (H, W) as stored
    buffer : rows that are shuffled among each other; streams of rows are shuffled too
    threads : that decode; all cores by default
    rank, world_size : this node and their number; a node reads only its share
    drop_last : leave out the last, smaller batch, and give every node as many batches
    conditions : fields of ``CytoImageNetConfig`` (``labels=``, ``sources=``, ``commercial_use=`` ...)

    Raises
    ------
    PackageError
        Where there is no package, or it has nothing of what was asked for.
    ShardError
        While iterating, where a shard cannot be read, after several tries if it is remote.
    """
    package = Package(os.fspath(place), storage_options)
    selected = package.config(config, Filter(**conditions), ["image", "label"])
    return Loader(
        package,
        selected,
        split,
        batch_size=batch_size,
        size=(size, size) if isinstance(size, int) else size,
        shuffle=shuffle,
        seed=seed,
        buffer=buffer,
        threads=threads or os.cpu_count() or 1,
        rank=rank,
        world_size=world_size,
        drop_last=drop_last,
    )
