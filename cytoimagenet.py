"""CytoImageNet for training: a package that ``cytoimagenet build`` wrote, as a dataset.

``CytoImageNet`` streams or prepares a package from any place that fsspec reads (a folder, ``hf://``, ``s3://``,
``http(s)://``), with subsets by label, source, licence or column; ``open`` memory-maps a local package at once,
without a copy; ``decode`` turns the package's PNGs into arrays, several times as fast as Pillow.

The file stands alone, because ``datasets`` 3 also runs it as a loading script. Shards are Arrow IPC streams
(https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format) or Parquet; the manifest gives their sizes
and hashes, ``classes.json`` the classes of each config, ``metadata.parquet`` every column but the picture.
"""

from __future__ import annotations

import builtins
import dataclasses
import hashlib
import heapq
import json
import os
import struct
import threading
from collections import deque
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from typing import NamedTuple
from typing import TypeVar

import datasets
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets.iterable_dataset import ExamplesIterable
from datasets.table import ConcatenationTable
from datasets.table import MemoryMappedTable

CATEGORIES = ("organism", "cell_type", "cell_visible", "phenotype", "compound", "gene", "sirna")
FULL = "full"

_STREAMS = 8  # least parts into which a split is cut for workers and nodes, where it has rows enough
_STREAM_ROWS = 256  # fewest rows of such a part
_BLOCK = 4 << 20  # bytes of one request
_BLOCKS_AHEAD = 3
_TRIES = 6
_FIRST_WAIT = 0.2  # seconds; doubled at each try
_PATIENCE = 60.0  # seconds for one block

_patched_for_streaming = True  # datasets would put its own open() and os.path into this module; it needs neither

T = TypeVar("T")


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
    storage_options : for the file system of the URL

    Raises
    ------
    PackageError
        Where there is no package.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any] | None = None) -> None:
        place = os.fspath(place)
        self.place = place.rstrip("/") if "://" in place else os.path.abspath(os.path.expanduser(place))
        self.storage_options = dict(storage_options or {})
        try:
            manifest = json.loads(self.read("manifest.json"))
            self.classes: dict[str, Any] = json.loads(self.read("classes.json"))
            files = manifest["files"]
        except FileNotFoundError as error:
            raise PackageError(f"{self.place} is not a cytoimagenet package: {error}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise PackageError(f"{self.place} is not a cytoimagenet package: manifest or classes: {error}") from None
        self.licenses = {s["license"] for s in manifest.get("sources", ()) if s.get("commercial_use")}
        self.shards = [
            Shard(path, facts["rows"], facts["bytes"], facts["sha256"], facts["config"], facts["split"])
            for path, facts in files.items()
            if path.startswith("data/")
        ]

    @property
    def local(self) -> bool:
        """Whether the package is a folder of this machine."""
        return "://" not in self.place or self.place.startswith("file://")

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
        return Selected(classes, features, shards, rows)

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
        if shard.path.endswith(".parquet"):
            file_system, name = fsspec.core.url_to_fs(self.url(shard.path), **self.storage_options)
            with file_system.open(name) as file:
                return pq.read_schema(file)
        with _naming(self, shard):
            if self.local:
                with pa.memory_map(self.url(shard.path).removeprefix("file://")) as file:
                    return pa.ipc.open_stream(file).schema
            with _Ahead(self, shard) as source:
                return pa.ipc.read_schema(source.message(small=True))


class Selected(NamedTuple):
    """A config of a package: its classes in ClassLabel order, its features, its shards and the wanted rows of each."""

    classes: list[str]
    features: datasets.Features
    shards: list[Shard]
    rows: dict[str, np.ndarray[Any, Any]] | None  # None: all

    def splits(self) -> list[str]:
        """Return the splits that have shards, train first."""
        return sorted({shard.split for shard in self.shards}, key=lambda s: (s != "train", s))

    def streams(self, split: str) -> list[tuple[Part, ...]]:
        """Cut a split into streams of equal shares of every category: what workers and nodes divide among them.

        There are as many as the largest category has shards, and a few for a small package. A stream is read with
        its categories interleaved row by row, so that a small shuffle buffer sees all classes.
        """
        by_category: dict[str, list[Part]] = {}
        for shard in self.shards:
            if shard.split == split:
                rows = None if self.rows is None else self.rows[shard.path]
                part = Part(shard, 0, shard.rows if rows is None else len(rows), rows)
                by_category.setdefault(shard.category, []).append(part)
        total = sum(part.stop for parts in by_category.values() for part in parts)
        count = max(max(map(len, by_category.values())), min(_STREAMS, total // _STREAM_ROWS))
        cut = [_cut(parts, count) for parts in by_category.values()]
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
    def whole(self) -> bool:
        """Whether every row of the shard is wanted."""
        return self.rows is None and self.start == 0 and self.stop == self.shard.rows


def _cut(parts: list[Part], count: int) -> list[list[Part]]:
    """Cut the rows of parts, taken one after the other, into ``count`` shares whose sizes differ by one at most."""
    total = sum(part.stop for part in parts)
    if len(parts) == count:  # whole shards, read from end to end: the fewest requests
        return [[part] for part in parts]
    bounds = [total * i // count for i in range(count + 1)]
    shares: list[list[Part]] = [[] for _ in range(count)]
    offset = 0
    for part in parts:
        for share, low, high in zip(shares, bounds[:-1], bounds[1:], strict=True):
            start, stop = max(low - offset, 0), min(high - offset, part.stop)
            if start < stop:
                share.append(part._replace(start=start, stop=stop))
        offset += part.stop
    return shares


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
            options["token"] = self.token
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


def _interleaved(
    package: Package, stream: Sequence[Part], copies: Mapping[str, str], rows: _Rows
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (key, row) of the parts of a stream: row i of a category's n at (i + 1/2) / n of the way."""
    categories: dict[str, list[Part]] = {}
    for part in stream:
        categories.setdefault(part.shard.category, []).append(part)
    runs = [_run(package, parts, copies, rows, place) for place, parts in enumerate(categories.values())]
    for _, _, key, row in runs[0] if len(runs) == 1 else heapq.merge(*runs):
        yield key, row


def _run(
    package: Package, parts: Sequence[Part], copies: Mapping[str, str], rows: _Rows, place: int
) -> Iterator[tuple[float, int, int, dict[str, Any]]]:
    """Yield (how far, which category, key, row) of one category's parts, one after the other."""
    total = sum(part.stop - part.start for part in parts)
    done = 0
    for part in parts:
        number = part.shard.turn[2]
        key = (CATEGORIES.index(part.shard.category) << 60) + (number << 32) + part.start
        begun = done
        for batch in _batches(package, part, copies.get(part.shard.path), rows.names):
            for row in rows.of(batch):
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
        with pa.memory_map(path.removeprefix("file://")) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                if offset >= stop:
                    return
                if offset + len(batch) > first:
                    yield offset, batch
                offset += len(batch)
        return
    with _Ahead(package, shard) as source:
        schema = pa.ipc.read_schema(source.message())
        while first and offset + (rows := source.rows()) <= first:  # bodies before the first row are not fetched
            source.skip()
            offset += rows
        while offset < stop:
            batch = pa.ipc.read_record_batch(source.message(), schema)
            yield offset, batch
            offset += len(batch)
        if part.whole:
            source.check()


def _parquet_batches(
    package: Package, part: Part, copy: str | None, first: int, stop: int, columns: Sequence[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (first row, batch) of the row groups of a Parquet shard that hold rows ``first`` to ``stop``."""
    url = package.url(part.shard.path)
    file_system, name = fsspec.core.url_to_fs(copy or url, **({} if copy else package.storage_options))
    with file_system.open(name, "rb", cache_type="readahead") as source, pq.ParquetFile(source) as file:
        offset = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if offset < stop and offset + rows > first:
                table = _patiently(lambda group=group: file.read_row_group(group, columns=list(columns)), url)  # type: ignore[misc]
                for batch in table.combine_chunks().to_batches():
                    yield offset, batch
            offset += rows


class _Ahead:
    """The messages of a remote Arrow stream, fetched in blocks by threads that run ahead of the reader.

    A message is the marker 0xFFFFFFFF, the length of its header (int32), the header, a flatbuffer, and its body
    (https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format).
    """

    def __init__(self, package: Package, shard: Shard) -> None:
        self.package, self.shard = package, shard
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

    def message(self, small: bool = False) -> pa.ipc.Message:
        """Return the next message, header and body; ``small``: fetch no more than it needs."""
        head = self._header(small)
        self.head = b""
        return pa.ipc.read_message(pa.py_buffer(b"".join((head, self._read(_message(head[8:])[1], small)))))

    def rows(self) -> int:
        """Return how many rows the next record batch has; its body is not fetched."""
        return _message(self._header(small=True)[8:])[0]

    def skip(self) -> None:
        """Go past the next message without fetching its body, but for what is under way."""
        body = _message(self._header()[8:])[1]
        self.head = b""
        self.position += body
        if body <= len(self.block):
            self.block = self.block[body:]
            return
        for block in self.blocks:
            block.cancel()
        self.blocks.clear()
        self.block = memoryview(b"")
        self.requested = self.position

    def check(self) -> None:
        """Read to the end and compare the hash of all bytes with the manifest's: for a shard read from its start."""
        self._read(self.shard.bytes - self.position)
        if self.hash.hexdigest() != self.shard.sha256:
            raise _bad(self.package, self.shard, "its sha256 is not the manifest's")

    def _header(self, small: bool = False) -> bytes:
        if not self.head:
            prefix = self._read(8, small)
            marker, length = struct.unpack("<Ii", prefix)
            if marker != 0xFFFFFFFF or not 0 < length < 1 << 24:
                raise EOFError("the stream ends or is damaged" if length else "the stream ends too early")
            self.head = prefix + self._read(length, small)
        return self.head

    def _read(self, count: int, small: bool = False) -> bytes:
        """Return the next ``count`` bytes; ``small``: after a jump, fetch little, as another jump may follow."""
        pieces = []
        left = count
        while left:
            if not len(self.block):
                self.block = memoryview(self._next_block(1 << 14 if small else _BLOCK))
            piece = self.block[:left]
            self.block = self.block[len(piece) :]
            left -= len(piece)
            pieces.append(piece)
        data = b"".join(pieces)
        self.position += count
        self.hash.update(data)
        return data

    def _next_block(self, size: int) -> bytes:
        while len(self.blocks) < (_BLOCKS_AHEAD if size == _BLOCK else 1) and self.requested < self.shard.bytes:
            start, end = self.requested, min(self.requested + size, self.shard.bytes)
            self.blocks.append(self.threads.submit(self._fetch, start, end))
            self.requested = end
        if not self.blocks:
            raise EOFError(f"it ends at byte {self.position}")
        return self.blocks.popleft().result()

    def _fetch(self, start: int, end: int) -> bytes:
        def attempt() -> bytes:
            data = _bytes_of(self.file_system, self.name, start, end)
            if len(data) > end - start:
                raise ValueError("the server ignores byte ranges; use one that knows them, or copy the package first")
            if len(data) < end - start:
                raise EOFError(f"bytes {start} to {end}: only {len(data)} came")
            return data

        return _patiently(attempt, self.package.url(self.shard.path), self.closed)


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
    network = ("aiohttp", "asyncio", "botocore", "fsspec", "http", "httpx", "requests", "urllib3")
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
        Where a shard cannot be read, or its rows are not as many as the manifest says.
    """
    package = Package(os.fspath(path))
    if not package.local:
        raise PackageError(f"{package.place} is not on this machine, and open memory-maps files; stream CytoImageNet")
    selected = package.config(config, Filter(**conditions), columns)
    shards = [shard for shard in selected.shards if shard.split == split]
    if not shards:
        raise PackageError(f"no split {split!r} in {config!r}; there are {', '.join(selected.splits())}")
    if not shards[0].path.endswith(".arrow"):
        raise PackageError(f"{package.place} is in Parquet, which cannot be memory-mapped; use load_dataset")
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        tables = list(threads.map(lambda shard: _mapped(package, shard, selected), shards))
    facts = json.dumps([package.place, config, split, columns, conditions, [s.sha256 for s in shards]], default=list)
    dataset = datasets.Dataset(
        ConcatenationTable.from_tables(tables),
        info=datasets.DatasetInfo(features=selected.features, dataset_name="cytoimagenet", config_name=config),
        split=datasets.NamedSplit(split),
        fingerprint=hashlib.sha256(facts.encode()).hexdigest()[:16],
    )
    if selected.rows is None:
        return dataset
    starts = np.cumsum([0, *(shard.rows for shard in shards)])
    wanted = [selected.rows[shard.path] + start for shard, start in zip(shards, starts[:-1], strict=True)]
    return dataset.select(np.concatenate(wanted))


def _mapped(package: Package, shard: Shard, selected: Selected) -> MemoryMappedTable:
    """Return a shard as a memory-mapped table with class ids (int64) in the place of class names."""
    with _naming(package, shard):
        table = MemoryMappedTable.from_file(package.url(shard.path).removeprefix("file://"))
        if table.num_rows != shard.rows:
            raise ValueError(f"{table.num_rows} rows, and {shard.rows} in the manifest")
        if "label" in selected.features:
            names = pa.array(selected.classes, pa.string())
            ids = pc.cast(pc.index_in(table.table["label"], value_set=names), pa.int64())
            if selected.rows is None and ids.null_count:
                raise ValueError("it holds a class that classes.json does not name")
            place = table.schema.get_field_index("label")
            table = table.set_column(place, pa.field("label", pa.int64()), ids.combine_chunks())
        if list(selected.features) != table.column_names:
            table = table.select(list(selected.features))
    return table
