"""CytoImageNet for training: a built package as a dataset.

``CytoImageNet`` streams or prepares a package from any place that fsspec reads. ``open`` memory-maps a local one;
``loader`` gives batches for training; ``decode`` turns PNGs into arrays. ``cytoimagenet_reader`` does it all. Where
``datasets`` 3 runs this file alone, the plain reading at its end gives the same rows of Arrow packages, in order.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import heapq
import json
import os
import re
import struct
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import datasets
import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

try:  # indented: datasets 3 asks for every module that an unindented line imports
    from cytoimagenet_reader import __version__
    from cytoimagenet_reader import streaming as _streaming
    from cytoimagenet_reader.decode import decode, decode_batch, decode_resized
    from cytoimagenet_reader.errors import PackageError, ShardError
    from cytoimagenet_reader.make_loader import Loader, loader
    from cytoimagenet_reader.mapped import open  # noqa: A004 -- cytoimagenet.open, as builtins.open opens a file
    from cytoimagenet_reader.package import Package
    from cytoimagenet_reader.views import image_views

    _alone = False
except ModuleNotFoundError as missing:
    if missing.name != "cytoimagenet_reader":
        raise
    __version__ = "0.1.0"  # that of the reader, where it stands alone
    _alone = True

__all__ = ["CATEGORIES", "FULL", "CytoImageNet", "CytoImageNetConfig", "Loader", "Package", "PackageError", "open"]
__all__ += ["ShardError", "__version__", "decode", "decode_batch", "decode_resized", "image_views", "loader"]

CATEGORIES = ("organism", "cell_type", "cell_visible", "phenotype", "compound", "gene", "sirna")
FULL = "full"
_patched_for_streaming = True  # datasets would put its own open() and os.path into this module; it needs neither

if _alone and not TYPE_CHECKING:

    class PackageError(ValueError):
        """The folder is no package, or lacks what was asked."""

    class ShardError(OSError):
        """A shard is unreadable or contradicts the manifest."""

    def __getattr__(name: str) -> Any:
        if name in __all__:
            raise ImportError(f"cytoimagenet.{name} is in the reader, which is not here: pip install cytoimagenet")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclasses.dataclass
class CytoImageNetConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets has no types
    """A config: which examples, and which of their columns.

    Parameters
    ----------
    labels, sources, databases, microscopy, licenses : values of ``label``, ``dir_name`` (as ``bbbc022``), ``database``
        (BBBC, CIL, IDR, Kaggle, Recursion), ``microscopy`` and ``license`` (as ``CC-BY-4.0``), one or several
    batches, wells, controls, timepoints : values of ``batch``, ``well``, ``control`` (negative, positive) and so on
    commercial_use : only examples of sources whose terms allow commercial use
    columns : names of the columns to read; all by default
    crops : True for crops only, False for whole images only, None for both
    where : conditions on any column, as ``{"dose": {"min": 1, "max": 10}, "donor": ["d1", "d2"], "z": 16}``
    label_ids : "full" for the ids that classes have in ``full``; None counts the classes that remain from 0
    """

    labels: list[str] | None = None
    sources: list[str] | None = None
    databases: list[str] | None = None
    microscopy: list[str] | None = None
    licenses: list[str] | None = None
    batches: list[str] | None = None
    wells: list[str] | None = None
    controls: list[str] | None = None
    timepoints: list[str] | None = None
    commercial_use: bool = False
    columns: list[str] | None = None
    crops: bool | None = None
    label_ids: str | None = None
    where: dict[str, Any] | None = None


class CytoImageNet(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets has no types
    """CytoImageNet from a package: ``CytoImageNet("organism", data_dir=...)``.

    Then ``as_streaming_dataset(split="train")`` reads as it goes, and ``download_and_prepare()`` with ``as_dataset()``
    keep a copy in the cache of ``datasets``. The fields of ``CytoImageNetConfig`` (``labels=`` …) narrow it down, and
    ``revision=`` is that of ``hf://`` places.

    Raises PackageError where ``data_dir`` is no package, or it has nothing of what was asked for.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = CytoImageNetConfig
    BUILDER_CONFIGS = [CytoImageNetConfig(name=name, version=datasets.Version("1.0.0")) for name in (FULL, *CATEGORIES)]  # noqa: RUF012 -- as datasets declares it
    DEFAULT_CONFIG_NAME = FULL
    DEFAULT_WRITER_BATCH_SIZE = 100  # rows with images, held in memory

    def __init__(self, config_name: str | None = None, *, data_dir: Any = None, **options: Any) -> None:
        data_dir = data_dir if _alone else _streaming.place_of(data_dir, options)
        super().__init__(config_name=config_name, data_dir=os.fspath(data_dir or ""), **options)

    def _create_builder_config(self, *args: Any, data_dir: Any = None, **options: Any) -> tuple[Any, str]:
        """Return the config and its content-dependent cache id."""
        if not data_dir:
            raise PackageError('where is the package? give data_dir="folder or URL of the built package"')
        options = options if _alone else _streaming.checked(options, dataclasses.fields(CytoImageNetConfig))
        config, of_options = super()._create_builder_config(*args, **options)
        config = dataclasses.replace(config, data_dir=data_dir)  # it may be everybody's
        storage = dict(self.storage_options)
        if self.token and data_dir.startswith("hf://"):
            storage["hf"] = {**storage.get("hf", {}), "token": self.token}
        self._splits = (_PlainSplits if _alone else _streaming.PackageSplits)(data_dir, storage, config)
        content = hashlib.sha256(f"{__version__} {of_options} {self._splits.identity}".encode()).hexdigest()
        return config, f"{config.name}-{content[:16]}"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo("Weakly labelled microscopy (arXiv 2111.11646)", features=self._splits.features)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        found = self._splits.arguments(dl_manager)
        return [datasets.SplitGenerator(name=split, gen_kwargs=arguments) for split, arguments in found.items()]

    def _generate_examples(self, **arguments: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
        yield from (_PlainSplits if _alone else _streaming.PackageSplits).examples(self.info.features, **arguments)

    def _get_examples_iterable_for_split(self, split_generator: datasets.SplitGenerator) -> Any:
        if _alone:
            return super()._get_examples_iterable_for_split(split_generator)
        return _streaming.StreamedExamples(self._generate_examples, split_generator.gen_kwargs, self.info.features)


_WAITS = (0.2, 0.4, 0.8, 1.6, 3.2)  # seconds between attempts; from here on: used only where there is no reader
_SHARD = re.compile(rf"data/({'|'.join(CATEGORIES)})/(\w+)-\d{{5,9}}-of-\d{{5,9}}\.arrow")
_COLUMNS = {"labels": "label", "sources": "dir_name", "databases": "database", "licenses": "license", "crops": "crop"}
_COLUMNS |= {"batches": "batch", "wells": "well", "controls": "control", "timepoints": "timepoint"}  # by condition
_Part = tuple[str, Sequence[int]]  # path of a shard, those of its rows that are wanted


class _PlainSplits:
    """Splits of a config, as in ``cytoimagenet_reader.streaming.PackageSplits``.

    A split is cut into streams, each an equal share of every category with the categories interleaved row by row.
    """

    def __init__(self, place: str, options: Any, config: CytoImageNetConfig) -> None:
        self.place = place.rstrip("/") if "://" in place else os.path.abspath(os.path.expanduser(place))
        self.local = self.place.startswith("file://") or "://" not in self.place
        self.files, self.root = fsspec.core.url_to_fs(self.place, **options.get(place.partition("://")[0], {}))
        self.copies: dict[str, str] = {}  # by path of a shard, where a local copy is
        try:
            self._choose(config)
        except PackageError:
            raise
        except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError,
                NotImplementedError) as error:  # fmt: skip
            raise PackageError(f"{self.place} is not a cytoimagenet package: {error}") from None

    def _choose(self, config: CytoImageNetConfig) -> None:
        """Read what the package states; choose rows and features."""
        read = [self._read(name) for name in ("manifest.json", "classes.json")]
        self.identity = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in read)).hexdigest()
        manifest, index = map(json.loads, read)
        if manifest["format"] != "arrow":
            here = f"{self.place} holds {manifest['format']} shards"
            raise PackageError(f"{here}, which the reader reads: pip install cytoimagenet, or load_dataset its folder")
        self.stated = manifest["files"]
        shards = {path: facts for path, facts in self.stated.items() if path.startswith("data/")}
        for path, facts in shards.items():
            name, rows = _SHARD.fullmatch(path), facts["rows"]
            counted = type(rows) is int and 0 <= rows < 1 << 62  # `in range` would try each number
            if not name or not counted or (facts["config"], facts["split"]) != name.groups():
                raise ValueError(f"{path!a} is no name of a shard, or not what the manifest says of it")
        if config.name not in index:
            raise PackageError(f"{self.place} holds no {config.name!r}; it has {', '.join(index)}")
        classes = list(index[config.name]["names"])
        paths = sorted((p for p in shards if config.name in (FULL, shards[p]["config"])), key=_reading_position)
        if not paths or not all(isinstance(name, str) for facts in index.values() for name in facts["names"]):
            raise ValueError(f"it has no shard of {config.name!r}, or a class without a name")
        self.wanted: dict[str, Sequence[int]] = {path: range(shards[path]["rows"]) for path in paths}
        self.step = max(int(manifest.get("recipe", {}).get("batch_rows", 100)), 1)
        names = (*_COLUMNS, "microscopy", "commercial_use", "where")
        if given := [f"{n}={getattr(config, n)!r}" for n in names if getattr(config, n) != getattr(type(config), n)]:
            if unknown := sorted({*_texts(config.labels or ())} - {*classes}):
                raise PackageError(f"no class {', '.join(map(repr, unknown))} in {config.name!r} of {self.place}")
            allowed = [source["license"] for source in manifest["sources"] if source.get("commercial_use")]
            classes, self.step = self._filter(config, allowed), 1
            if not classes:
                raise PackageError(f"nothing in {config.name!r} of {self.place} passes {', '.join(given)}")
        path = next(iter(self.wanted))
        begin = self.stated[path].get("batch_offsets") or [min(self.stated[path]["bytes"], 1 << 20)]
        try:
            schema = pa.ipc.open_stream(self._read(path, 0, begin[0])).schema.remove_metadata()
        except ShardError:
            raise
        except (pa.ArrowException, OSError, EOFError) as error:
            raise self._fault(path, error) from error
        features = datasets.Features.from_arrow_schema(schema)
        if unknown := [name for name in config.columns or () if name not in features]:
            raise PackageError(f"no column {', '.join(unknown)}; there are {', '.join(features)}")
        classes = index[FULL]["names"] if config.label_ids == FULL else classes
        features.update({"image": datasets.Image(), "label": datasets.ClassLabel(names=classes)})
        self.features = datasets.Features({n: features[n] for n in features if n in (config.columns or features)})

    def _filter(self, config: CytoImageNetConfig, allowed: list[str]) -> list[str]:
        """Keep the rows that pass; return their classes."""
        tests = [(column, getattr(config, name)) for name, column in _COLUMNS.items()]
        tests += [("license", allowed if config.commercial_use else None), *(config.where or {}).items()]
        passing = pc.field("shard").isin([path.removesuffix(".arrow") for path in self.wanted])
        for column, values in tests:
            if isinstance(values, dict):
                passing &= pc.field(column).is_valid()
                passing &= pc.field(column) >= values["min"] if "min" in values else True
                passing &= pc.field(column) <= values["max"] if "max" in values else True
            elif values is not None:
                passing &= pc.field(column).isin(_texts(values))
        if config.microscopy is not None:  # a cell may hold several, joined by "|"
            kinds = "|".join(map(re.escape, _texts(config.microscopy))) or "$."
            passing &= pc.match_substring_regex(pc.field("microscopy"), rf"(^|\|)({kinds})(\||$)")
        content = self._read("metadata.parquet")
        if hashlib.sha256(content).hexdigest() != self.stated["metadata.parquet"]["sha256"]:
            raise self._fault("metadata.parquet", "its sha256 is not the manifest's")
        try:
            table = pq.read_table(pa.BufferReader(content), columns=["shard", "position", "label"], filters=passing)
        except pa.ArrowException as error:  # the file is the manifest's, so that it is what was asked
            said = str(error).splitlines()[0]
            raise PackageError(f"where={config.where!r} does not suit the columns: {said}") from None
        rows: dict[str, list[int]] = {}
        for shard, position in zip(table["shard"].to_pylist(), table["position"].to_pylist(), strict=True):
            rows.setdefault(f"{shard}.arrow", []).append(position)
        self.wanted = {path: sorted(rows[path]) for path in self.wanted if path in rows}
        return sorted(set(table["label"].to_pylist()))

    def arguments(self, dl_manager: Any) -> dict[str, dict[str, Any]]:
        """Return ``examples`` arguments by split, fetching and checking prepared shards."""
        todo = [] if dl_manager.is_streaming else list(self.wanted)
        anew = copy.copy(dl_manager)  # datasets keeps downloads by their URL alone
        anew.download_config = dataclasses.replace(dl_manager.download_config, force_download=True)
        for manager in (dl_manager, anew):
            if todo and not self.local:
                self.copies |= self._again(partial(manager.download, {path: f"{self.place}/{path}" for path in todo}))
            todo = [path for path in todo if self._sha256(path) != self.stated[path]["sha256"]]
        if todo:
            raise self._fault(todo[0], "its sha256 is not the manifest's")
        splits: dict[str, list[_Part]] = {}
        for path, rows in self.wanted.items():
            splits.setdefault(self.stated[path]["split"], []).append((path, rows))
        cut = self._streams if dl_manager.is_streaming else lambda parts: [[part] for part in parts]
        order = sorted(splits, key=lambda split: (split != "train", split))
        return {split: {"streams": cut(splits[split]), "package": self} for split in order}

    def _streams(self, parts: list[_Part]) -> list[list[_Part]]:
        categories = _by_category(parts)
        sizes = [sum(len(rows) for _, rows in shards) for shards in categories]
        count = max(*map(len, categories), min(8, sum(sizes) // 256))
        streams: list[list[_Part]] = [[] for _ in range(count)]
        for shards, size in zip(categories, sizes, strict=True):
            step, before = self.step if size >= 8 * self.step * count else 1, 0  # large shares: between batches
            for number, (path, rows) in enumerate(shards):
                bounds = [(size * i // count - before + step // 2) // step * step for i in range(count + 1)]
                if len(shards) == count:  # whole shards, read from end to end
                    bounds = [0] * (number + 1) + [len(rows)] * (count - number)
                for i, stream in enumerate(streams):
                    share = rows[max(bounds[i], 0) : max(bounds[i + 1], 0)]
                    stream += [(path, share)] if share else []
                before += len(rows)
        return [stream for stream in streams if stream]

    @staticmethod
    def examples(features: Any, streams: list[Any], package: _PlainSplits) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (key, row) of streams, spreading each category evenly."""
        for stream in streams:
            runs = [package._run(features, parts, place) for place, parts in enumerate(_by_category(stream))]
            yield from ((key, row) for _, _, key, row in heapq.merge(*runs))

    def _run(self, features: Any, parts: list[_Part], place: int) -> Iterator[tuple[float, int, str, dict[str, Any]]]:
        total, done = sum(len(wanted) for _, wanted in parts), 0
        ids = {name: i for i, name in enumerate(features["label"].names)} if "label" in features else {}
        for path, wanted in parts:
            for number, row in self._rows(path, wanted, list(features)):
                if ids and row["label"] not in ids:
                    raise self._fault(path, f"it holds class {row['label']!r}, which classes.json does not name")
                row |= {"label": ids[row["label"]]} if ids else {}
                yield (done + 0.5) / total, place, f"{path} {number}", row
                done += 1

    def _rows(self, path: str, wanted: Sequence[int], columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (number, row) of wanted rows; check whole shards' hashes."""
        facts, schema, first, given, digest = self.stated[path], None, 0, 0, hashlib.sha256()
        try:
            starts, counts = facts.get("batch_offsets") or [0], facts.get("batch_rows") or [facts["rows"]]
            for start, stop, count in zip((0, *starts), (*starts, facts["bytes"]), (0, *counts), strict=True):
                after = first + count
                needed = len(wanted) == facts["rows"] or bisect_left(wanted, first) < bisect_left(wanted, after)
                if start == stop or (start and not needed):
                    first = after
                    continue
                content = self._read(path, start, stop)
                digest.update(content)
                for message in pa.ipc.MessageReader.open_stream(content):
                    if message.type == "schema":
                        schema = pa.ipc.read_schema(message.serialize())
                        continue
                    _refuse_compressed(message.metadata.to_pybytes())
                    batch = pa.ipc.read_record_batch(message, schema)
                    batch.validate(full=True)  # a package may be anyone's, and pyarrow trusts its offsets
                    here = wanted[bisect_left(wanted, first) : bisect_left(wanted, first + len(batch))]
                    rows = batch.select(columns).take(pa.array([number - first for number in here], pa.int64()))
                    yield from zip(here, rows.to_pylist(), strict=True)
                    first, given = first + len(batch), given + len(here)
                if first != after:
                    raise ValueError(f"it has {first} rows where the manifest says {after}")
        except ShardError:
            raise
        except Exception as error:
            raise self._fault(path, f"{type(error).__name__}: {error}") from error
        if given != len(wanted):
            raise self._fault(path, f"it gives {given} of {len(wanted)} rows")
        if len(wanted) == facts["rows"] and digest.hexdigest() != facts["sha256"]:
            raise self._fault(path, "its sha256 is not the manifest's")

    def _sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with fsspec.filesystem("file").open(self.copies.get(path) or self._path(path), "rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
        return digest.hexdigest()

    def _read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes of a file, or of its local copy."""
        files = fsspec.filesystem("file") if path in self.copies else self.files
        place = self.copies.get(path) or self._path(path)

        def read() -> bytes:
            content = bytes(files.cat_file(place, start=start or None, end=stop))
            if stop is not None and len(content) != stop - start:
                content = content[start:stop]  # of the whole file, from a server that knows no ranges
                if len(content) < stop - start:
                    raise EOFError(f"it ends before byte {stop}")
            return content

        return bytes(self._again(read))

    def _path(self, path: str) -> str:
        """Return where a file lies, refusing links to outside."""
        found = f"{self.root}/{path}"
        if self.local and os.path.lexists(found):
            root, real = os.path.realpath(self.root), os.path.realpath(found)
            blobs = re.sub(r"[/\\]snapshots[/\\].*", r"/blobs", root)  # in the hub's cache files are links to there
            if not os.path.isfile(real) or not (os.path.dirname(real) == blobs or real.startswith(f"{root}{os.sep}")):
                raise self._fault(path, "it is a link to a file outside, or no file")
        return found

    def _again(self, call: Any) -> Any:
        """Return ``call()``, retrying remote failures other than missing files."""
        for wait in _WAITS:
            try:
                return call()
            except Exception as error:  # each file system has errors of its own
                if self.local or isinstance(error, FileNotFoundError | PermissionError):
                    raise
            time.sleep(wait)
        return call()

    def _fault(self, path: str, why: object) -> ShardError:
        repair = "build it again or copy it again" if self.local else "check the server, or fetch the package again"
        return ShardError(f"{self.place}/{path}: {why}; {repair}")


def _by_category(parts: list[_Part]) -> list[list[_Part]]:
    categories: dict[str, list[_Part]] = {}
    for part in parts:
        categories.setdefault(part[0].split("/")[1], []).append(part)
    return list(categories.values())


def _reading_position(path: str) -> tuple[int, int, int]:
    """Return a shard's sort key in the config ``full``."""
    number, total = (int(text) for text in path.rpartition(".")[0].rsplit("-", 3)[1::2])
    return (2 * number + 1) * 5_000_000 // total, CATEGORIES.index(path.split("/")[1]), number


def _refuse_compressed(header: bytes) -> None:
    """Refuse a compressed record batch, which may inflate to anything."""

    def field(table: int, number: int) -> int:  # where it lies; 0 if absent
        vtable = table - struct.unpack_from("<i", header, table)[0]
        offsets = struct.unpack_from(f"<{struct.unpack_from('<H', header, vtable)[0] // 2}H", header, vtable)
        return offsets[2 + number] and table + offsets[2 + number] if 2 + number < len(offsets) else 0

    content = field(struct.unpack_from("<I", header)[0], 2)  # Message.fbs of Arrow, https://flatbuffers.dev/internals/
    if field(content + struct.unpack_from("<I", header, content)[0], 3):
        raise ValueError("the stream is compressed; no package's is")


def _texts(values: Any) -> list[Any]:
    """Return a list of values from one or several."""
    return list(values) if isinstance(values, list | tuple) else [values]
