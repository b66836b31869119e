"""Checks of the manifest and of file names and sizes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.engine.store import Store
from builder.package.extras import extras_of
from builder.package.features import schema_of
from builder.package.intensity import by_config
from builder.package.manifest import PACKAGE, Manifest, sealed, version_of
from builder.package.problem import Problem
from cytoimagenet_reader import layout
from cytoimagenet_reader.columns import columns_of

_OF_DOWNLOADS: Final = (".cache", ".git", ".huggingface")
"""Folders that git and the hub's client keep beside the files they fetch."""


def check_manifest(manifest: Manifest) -> Iterator[Problem]:
    """Yield problems with the manifest's hash, version and sums."""
    if manifest.get("sha256") != sealed(manifest)["sha256"]:
        yield _wrong("was edited: its own sha256 does not fit its content")
    if manifest["version"] != version_of(manifest):
        yield _wrong(f"says version {manifest['version']}; its files and recipe make {version_of(manifest)}")
    rows = sum(facts["rows"] for path, facts in manifest["files"].items() if path.startswith(layout.DATA))
    if rows != manifest["images"]:
        yield _wrong(f"says {manifest['images']} images; its shards hold {rows}")
    of_sources = sum(source["images"] for source in manifest["sources"])
    if of_sources != manifest["images"]:
        yield _wrong(f"says {manifest['images']} images; those of its sources add up to {of_sources}")
    if manifest.get("intensity", {}) != by_config(manifest["files"]):
        yield _wrong("says another mean and standard deviation of pixels than its shards make")
    columns = columns_of(schema_of(layout.FULL, extras_of(manifest)))
    if manifest.get("columns", columns) != columns:
        yield _wrong("says other columns than its shards have")
    for path, facts in manifest["files"].items():
        yield from _check_place(path, facts, manifest["format"])


def check_presence(package: Store, manifest: Manifest) -> Iterator[Problem]:
    """Yield missing or unexpected files and wrong file sizes.

    Contents are not read.
    """
    sizes = package.sizes()
    for path, facts in manifest["files"].items():
        if path not in sizes:
            yield Problem(path, "is missing")
        elif sizes[path] != facts["bytes"]:
            cut = "truncated" if sizes[path] < facts["bytes"] else "too long"
            yield Problem(path, f"is {cut}: {sizes[path]} bytes; the manifest says {facts['bytes']}")
    for path in sizes:
        if path in forbidden(package.url):
            yield Problem(path, "must not be in a package: newer `datasets` refuse a folder with a loading script")
        elif path not in manifest["files"] and path not in (layout.MANIFEST, *layout.FOREIGN):
            yield Problem(path, "is not listed in the manifest")
    local = package.local("")
    if local is not None:
        yield from _check_folders(Path(local))


def _check_folders(root: Path) -> Iterator[Problem]:
    """Yield links, hidden files and empty folders.

    Foreign content could be shipped in them.
    """
    blobs = root.resolve().parent.parent / "blobs"  # where the hub's cache keeps what its snapshots link to
    for folder, names, files in os.walk(root):
        here = Path(folder)
        if here == root:
            names[:] = [name for name in names if name not in _OF_DOWNLOADS]
        for name in sorted([*names, *files]):
            path = (here / name).relative_to(root).as_posix()
            if (here / name).is_symlink():
                if (here / name).resolve().parent != blobs:
                    yield Problem(path, "is a link; a package holds its files themselves")
            elif name.startswith(".") and path not in layout.FOREIGN:
                yield Problem(path, "is hidden and not listed in the manifest")
        if not names and not files and here != root:
            yield Problem(here.relative_to(root).as_posix() + "/", "is an empty folder")


def forbidden(*names: str) -> set[str]:
    """Return the script names that make ``datasets`` refuse a folder.

    ``datasets`` 4 and later refuse a repository or folder of one of ``names`` that holds such a script.
    """
    return {f"{PACKAGE}.py", *(f"{name.rstrip('/').rpartition('/')[2]}.py" for name in names)}


def _check_place(path: str, facts: dict[str, object], file_format: str) -> Iterator[Problem]:
    part = layout.parse(path)
    if part is None:
        if path.startswith((layout.DATA, f"{layout.METADATA_CONFIG}/")):
            yield Problem(path, "has a name that no data file has")
        return
    if (facts.get("config"), facts.get("split")) != (part.config, part.split):
        yield _wrong(f"gives {path} to {facts.get('config')}, {facts.get('split')}")
    if part.format != file_format:
        yield Problem(path, f"is {part.format}; all data files of this package are {file_format}")


def _wrong(what: str) -> Problem:
    return Problem(layout.MANIFEST, what)
