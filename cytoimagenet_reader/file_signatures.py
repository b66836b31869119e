"""Detection of local shards that changed after opening."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cytoimagenet_reader.errors import PackageError

if TYPE_CHECKING:
    from cytoimagenet_reader.package import Package, Shard

_BLOCK = 4 << 20  # bytes hashed at once


class FileSignature(NamedTuple):
    """A file's identity at its place, without reading it."""

    size: int
    modified: int  # nanoseconds
    inode: int


def file_signature(path: str) -> FileSignature | None:
    """Return a file's signature; None where there is no file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return FileSignature(found.st_size, found.st_mtime_ns, found.st_ino)


def sha256_of(path: str) -> str:
    """Return a file's sha256: 64 hex digits."""
    found = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def note(package: Package, shards: list[Shard]) -> None:
    """Record the current signatures of a local package's shards.

    Raises
    ------
    PackageError
        Where the package was built again since it was opened: what was read of it does not describe them.
    """
    if package.local:
        package.signatures |= {shard.path: file_signature(package.local_path(shard.path)) for shard in shards}
        package.check_unchanged()


def check_same(package: Package, shard: Shard) -> None:
    """Raise where a local shard is not the one opened.

    Call it once the shard is mapped. A file with another signature may be a copy of the same content: a package that
    was unpickled on another machine. It is read once to tell.

    Raises
    ------
    PackageError
        Where the package was built again since it was opened.
    ValueError
        Where the package is the same, and the shard another.
    """
    if not package.local:
        return
    path = package.local_path(shard.path)
    found = file_signature(path)
    if found is not None and found == package.signatures.get(shard.path):
        return
    package.check_unchanged()
    if sha256_of(path) != shard.sha256:
        raise ValueError("it changed since the package was opened, and its sha256 is not the manifest's")
    package.signatures[shard.path] = found


def rebuilt(place: str) -> PackageError:
    """Return the error for a package rebuilt since opening."""
    return PackageError(f"{place} was rebuilt since it was opened: open it again")
