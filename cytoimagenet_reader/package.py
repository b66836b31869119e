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
from cytoimagenet_reader.arguments import suggestion
from cytoimagenet_reader.columns import stated_schema
from cytoimagenet_reader.errors import PackageError, ShardError
from cytoimagenet_reader.file_signatures import FileSignature, rebuilt
from cytoimagenet_reader.layout import CATEGORIES, FULL
from cytoimagenet_reader.links import leading_out
from cytoimagenet_reader.manifest import (
    ClassIndex,
    FileFacts,
    Intensity,
    Manifest,
    ManifestError,
    batch_rows,
    parse_classes,
    parse_manifest,
)
from cytoimagenet_reader.maps import Maps
from cytoimagenet_reader.origin import Origin, is_local
from cytoimagenet_reader.remote.versions import Check, Version

__all__ = ["CATEGORIES", "FULL", "Package", "Shard", "is_local", "reading"]

_OF_A_SHARD = (OSError, EOFError, ValueError, pa.ArrowException)  # Arrow's include NotImplementedError


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
    def reading_position(self) -> tuple[int, int, int]:
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
    intensity : by config, mean and standard deviation of the pixels of its training images, from 0 (black) to 1; empty
        of an older package
    schema : that all shards have, once it is known; of a remote package the manifest states it
    signatures : by path, what shards of a local package looked like when they were chosen from
    maps : of its local files into memory
    identity : sha256 of the manifest and the class list, and so of every row and class: what a cache of it is keyed by

    Raises
    ------
    PackageError
        Where there is no package.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._origin = Origin(os.fspath(place), storage_options)
        self.place, self.storage_options = self._origin.place, self._origin.storage_options
        self._versions: dict[str, Version] = {}  # by path of a remote shard, that which was read
        manifest, self._facts = self._read_facts()
        self.identity = self._facts.identity
        self.licenses = {source["license"] for source in manifest["sources"] if source["commercial_use"]}
        self.batch_rows = batch_rows(manifest)
        self.intensity: dict[str, Intensity] = manifest.get("intensity", {})
        self.schema: Any = None if self.local else stated_schema(manifest.get("columns"))
        self.signatures: dict[str, FileSignature | None] = {}
        self.maps = Maps()

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

        Its manifest and class list are compared. A commit of a hub does not change.
        """
        try:
            if self._origin.surely_unchanged():
                return
            unchanged = identity_of(self.read(layout.MANIFEST), self.read(layout.CLASSES)) == self.identity
        except FileNotFoundError:
            unchanged = False
        if not unchanged:
            raise rebuilt(self.place)

    def check_of(self, shard: Shard) -> Check | None:
        """Return what checks a remote shard's version, or None.

        It raises PackageError where the package was built again since it was opened, ShardError where the shard alone
        has changed. None where that cannot be: on this machine, or in a commit of a hub.
        """
        return None if self.local or self._origin.commit is not None else functools.partial(self._check_version, shard)

    def _check_version(self, shard: Shard, version: Version) -> None:
        known = self._versions.get(shard.path)
        if known is not None and known.same(version):
            return
        self.check_unchanged()  # after the shard answered: the manifest is replaced last, so that it was this build's
        if version.size not in (None, shard.bytes):
            raise self.fault(shard, f"it has {version.size} bytes, and {shard.bytes} in the manifest")
        if version.telling and not self._versions.setdefault(shard.path, version).same(version):
            raise self.fault(shard, "it changed while it was read, though the manifest did not")

    def _read_facts(self) -> tuple[Manifest, _Facts]:
        self._check_links([layout.MANIFEST, layout.CLASSES])
        try:
            content, index = self._origin.read_facts()
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

    def normalization(self, config: str = FULL) -> tuple[float, float]:
        """Return a config's pixel mean and standard deviation.

        Those of its training images: pixels count from 0 (black) to 1, and each image the same. ``(pixels / 255 -
        mean) / deviation`` has mean 0 and deviation 1 over them; images that are made smaller deviate a little less.

        Raises
        ------
        PackageError
            Where the package has no such config, or was built before manifests stated them.
        """
        if config not in self.classes:
            near = suggestion(config, self.classes)
            raise PackageError(f"{self.place} holds no {config!r}; it has {', '.join(self.classes)}{near}")
        stated = self.intensity.get(config)
        if stated is None:
            raise PackageError(
                f"{self.place} does not state the mean and standard deviation of its pixels, because it was built by "
                "an earlier version: give normalize=(mean, standard deviation), or build it again"
            )
        if not stated["std"]:
            raise PackageError(f"all pixels of {config!r} in {self.place} are alike: they cannot be normalised")
        return stated["mean"], stated["std"]

    def url(self, path: str) -> str:
        """Return where a file of the package is."""
        return self._origin.url(path)

    def local_path(self, path: str) -> str:
        """Return a local file's path in the system's form."""
        return self.url(path).removeprefix("file://")

    def read(self, path: str) -> bytes:
        """Return a small file's bytes."""
        return self._origin.read(path)

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
    """Turn any failure to read into a ShardError.

    Where the package was built again since it was opened, that is the failure.
    """
    try:
        yield
    except Exception as error:  # no name of a module: generators that are left may end after modules have
        if isinstance(error, PackageError) or not isinstance(error, _OF_A_SHARD):
            raise
        with contextlib.suppress(OSError):
            package.check_unchanged()
        if isinstance(error, ShardError):
            raise
        raise package.fault(shard, f"{type(error).__name__}: {error}") from error


def _shard(path: str, facts: FileFacts) -> Shard:
    batches = tuple(facts.get("batch_rows", ())), tuple(facts.get("batch_offsets", ()))
    stated = facts["rows"], facts["bytes"], facts["sha256"], facts["config"], facts["split"]
    return Shard(path, *stated, *batches, facts.get("footer_offset", 0))
