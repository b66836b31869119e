"""What a package states: manifest, classes and shards."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from cytoimagenet_reader import layout
from cytoimagenet_reader.errors import PackageError, ShardError
from cytoimagenet_reader.layout import CATEGORIES, FULL
from cytoimagenet_reader.links import leading_out
from cytoimagenet_reader.manifest import (
    ClassIndex,
    FileFacts,
    Manifest,
    ManifestError,
    batch_rows,
    parse_classes,
    parse_manifest,
)
from cytoimagenet_reader.remote.files import forget_listings, read_file, read_files
from cytoimagenet_reader.stamps import Stamp, rebuilt

__all__ = ["CATEGORIES", "FULL", "Package", "Shard", "is_local", "reading"]


class Shard(NamedTuple):
    """A file of examples, as the manifest lists it."""

    path: str  # below the package
    rows: int
    bytes: int
    sha256: str
    category: str
    split: str
    batch_rows: tuple[int, ...] = ()  # of each record batch; older packages do not say
    batch_offsets: tuple[int, ...] = ()  # bytes at which each record batch or row group begins
    footer_offset: int = 0  # of Parquet: where its row groups end

    def without_batches(self) -> Shard:
        """Return a copy without record batch offsets.

        It is smaller to pickle.
        """
        return self._replace(batch_rows=(), batch_offsets=())

    @property
    def number(self) -> int:
        """Number of the shard in its split, from 0."""
        return self._part.number

    @property
    def reading_position(self) -> tuple[int, str, int]:
        """Its place among all shards of ``full``."""
        return layout.reading_position(self._part)

    @property
    def _part(self) -> layout.Part:
        part = layout.parse(self.path)
        if part is None:
            raise PackageError(f"{self.path} in the manifest is not the name of a shard; build the package again")
        return part


class _Facts(NamedTuple):
    """What a package is chosen from."""

    classes: ClassIndex
    shards: list[Shard]
    metadata: list[Shard]
    identity: str


class Package:
    """What a package says of itself.

    Parameters
    ----------
    place : a folder or a URL
    storage_options : for the file system of the URL; or one such mapping per protocol, as ``datasets`` passes them

    Attributes
    ----------
    licenses : of the sources whose terms allow commercial use
    batch_rows : rows of most record batches
    schema : that all shards have, once it was read
    stamps : by path, what shards of a local package looked like when they were chosen from
    identity : sha256 of the manifest and the class list, and so of every row and class: what a cache of it is keyed by

    Raises
    ------
    PackageError
        Where there is no package.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any] | None = None) -> None:
        place = os.fspath(place)
        self.place = place.rstrip("/") if "://" in place else os.path.abspath(os.path.expanduser(place))
        self.storage_options = _options_of(self.place, storage_options or {})
        if not self.local:
            forget_listings(self.place, self.storage_options)
        manifest, self._facts = self._read_facts()
        self.identity = self._facts.identity
        self.licenses = {source["license"] for source in manifest["sources"] if source["commercial_use"]}
        self.batch_rows = batch_rows(manifest)
        self.schema: Any = None
        self.stamps: dict[str, Stamp | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return all but shards and classes.

        Each worker that is spawned gets a pickle, and few choose from it.
        """
        return {name: value for name, value in self.__dict__.items() if name != "_facts"}

    @functools.cached_property
    def _facts(self) -> _Facts:
        """What a pickle leaves out, read again."""
        _, facts = self._read_facts()
        if facts.identity != self.identity:
            raise rebuilt(self.place)
        return facts

    def check_unchanged(self) -> None:
        """Raise PackageError where the package changed since opening.

        Its manifest and class list are compared.
        """
        try:
            unchanged = identity_of(self.read(layout.MANIFEST), self.read(layout.CLASSES)) == self.identity
        except FileNotFoundError:
            unchanged = False
        if not unchanged:
            raise rebuilt(self.place)

    def _read_facts(self) -> tuple[Manifest, _Facts]:
        self._check_links([layout.MANIFEST, layout.CLASSES])
        try:
            urls = [self.url(name) for name in (layout.MANIFEST, layout.CLASSES)]
            content, index = read_files(urls, self.storage_options)
        except FileNotFoundError as error:
            raise PackageError(f"{self.place} is not a cytoimagenet package: {error}") from None
        try:
            manifest = parse_manifest(content)
        except ManifestError as error:
            raise PackageError(f"{self.place}/{layout.MANIFEST} {error}") from None
        try:
            classes = parse_classes(index)
        except ManifestError as error:
            raise PackageError(f"{self.place}/{layout.CLASSES} {error}") from None
        self._check_links(manifest["files"])
        files = manifest["files"].items()
        shards = [_shard(path, facts) for path, facts in files if path.startswith(layout.DATA)]
        metadata = [_shard(path, facts) for path, facts in files if path.startswith(f"{layout.METADATA_CONFIG}/")]
        return manifest, _Facts(classes, shards, metadata, identity_of(content, index))

    def _check_links(self, paths: Iterable[str]) -> None:
        """Raise PackageError where a local file lies elsewhere.

        Whoever opened a pipe would wait for ever.
        """
        fault = leading_out(self.local_path("."), paths) if self.local else None
        if fault is not None:
            raise PackageError(f"{self.place}: {fault}")

    @property
    def classes(self) -> ClassIndex:
        """Each config's class names and counts by split.

        The names are in the order of their ids.
        """
        return self._facts.classes

    @property
    def shards(self) -> list[Shard]:
        """The files of examples."""
        return self._facts.shards

    @property
    def metadata(self) -> list[Shard]:
        """The metadata files, one per split.

        They hold every column but the image.
        """
        return self._facts.metadata

    @property
    def local(self) -> bool:
        """Whether the package is a folder of this machine."""
        return is_local(self.place)

    def url(self, path: str) -> str:
        """Return where a file of the package is."""
        return f"{self.place}/{path}"

    def local_path(self, path: str) -> str:
        """Return a local file's path in the system's form."""
        return self.url(path).removeprefix("file://")

    def read(self, path: str) -> bytes:
        """Return a small file's bytes."""
        return read_file(self.url(path), self.storage_options)

    def fault(self, shard: Shard, why: str) -> ShardError:
        """Return the error for an invalid shard."""
        repair = "build it again or copy it again" if self.local else "check the server, or fetch the package again"
        return ShardError(f"{self.url(shard.path)}: {why}; {repair} (cytoimagenet verify names every bad file)")


def identity_of(manifest: bytes, classes: bytes) -> str:
    """Return what tells one package's content from any other's.

    64 hex digits, from the bytes of its manifest and its class list.
    """
    return hashlib.sha256(hashlib.sha256(manifest).digest() + hashlib.sha256(classes).digest()).hexdigest()


@contextlib.contextmanager
def reading(package: Package, shard: Shard) -> Iterator[None]:
    """Turn any failure to read into a ShardError."""
    try:
        yield
    except (ShardError, PackageError):
        raise
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:  # Arrow's include NotImplementedError
        raise package.fault(shard, f"{type(error).__name__}: {error}") from error


def _shard(path: str, facts: FileFacts) -> Shard:
    batches = tuple(facts.get("batch_rows", ())), tuple(facts.get("batch_offsets", ()))
    stated = facts["rows"], facts["bytes"], facts["sha256"], facts["config"], facts["split"]
    return Shard(path, *stated, *batches, facts.get("footer_offset", 0))


def is_local(place: str) -> bool:
    """Return whether a place is local, not a URL."""
    return "://" not in place or place.startswith("file://")


def _options_of(place: str, options: Mapping[str, Any]) -> dict[str, Any]:
    own = options.get(place.partition("://")[0])
    if isinstance(own, Mapping):
        return dict(own)
    return {name: value for name, value in options.items() if not isinstance(value, Mapping) or name == "client_kwargs"}
