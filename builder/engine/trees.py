"""Images of many files: Zarr arrays, and Olympus VSI.

An ordinary image file is named by its path, and its bytes are all there is to read. An array is a folder, or a folder
within a zip archive, with a file per chunk. The specification gives chunks without a file the fill value, so that what
was not copied reads as black. So the name of an array holds a digest of the files that were listed; whoever reads it
lists them again, and finds the same or fails. https://zarr-specs.readthedocs.io
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from builder.engine.localfiles import ZARR_METADATA
from builder.engine.store import Store

__all__ = [
    "ARCHIVES",
    "PIXELS_OF_VSI",
    "VSI",
    "ZARR_METADATA",
    "ArrayKey",
    "Tree",
    "digest_of",
    "is_array",
    "pixel_folder",
    "split_archive",
]

ARCHIVES: Final = (".ozx", ".zarr.zip")
"""How the names of zipped stores end (RFC 9 of NGFF: https://ngff.openmicroscopy.org/rfc/9)."""
VSI: Final = ".vsi"
PIXELS_OF_VSI: Final = ".ets"
_LISTED: Final = "?listed="
_KEY: Final = re.compile(r"(.+)\?listed=([0-9a-f]+)(?:&project=(\d+))?(&missing=fill)?")
_OF_WINDOWS: Final = ("Thumbs.db", "desktop.ini")
_BLOCK: Final = 1 << 16  # bytes of a remote archive that a read asks for beyond what it needs


class ArrayKey(NamedTuple):
    """Name of an array among the files of images.

    Parameters
    ----------
    path : of its folder, below the source's folder or DATA
    listed : digest of its files' names
    project : the largest value over so many planes is wanted, the first of which is named
    fill : whether chunks without a file are the fill value
    """

    path: str
    listed: str
    project: int = 1
    fill: bool = False

    def __str__(self) -> str:
        """Return the name; ``parse`` reads it."""
        projected = f"&project={self.project}" if self.project > 1 else ""
        return f"{self.path}{_LISTED}{self.listed}{projected}{'&missing=fill' * self.fill}"

    @classmethod
    def parse(cls, name: str) -> ArrayKey:
        """Read a name for which ``is_array`` holds."""
        match = _KEY.fullmatch(name)
        if match is None:
            raise ValueError(f"{name!r} names no array")
        return cls(match[1], match[2], int(match[3] or 1), match[4] is not None)


def is_array(name: str) -> bool:
    """Return whether a name is that of an array."""
    return _LISTED in name


def digest_of(names: Iterable[str]) -> str:
    """Return a digest of file names, in hex.

    What Windows leaves in folders does not count.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(names):
        if name.rpartition("/")[2] not in _OF_WINDOWS:
            digest.update(name.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def split_archive(path: str) -> tuple[str, str]:
    """Return a path's archive, and the rest.

    ("", path) where it leads into none.
    """
    parts = path.split("/")
    for place, part in enumerate(parts, 1):
        if part.lower().endswith(ARCHIVES):
            return "/".join(parts[:place]), "/".join(parts[place:])
    return "", path


def pixel_folder(path: str) -> str | None:
    """Return where an Olympus ``NAME.vsi`` has its pixels.

    That is ``_NAME_`` beside it; None for another file.
    """
    if not path.lower().endswith(VSI):
        return None
    above, _, name = path.rpartition("/")
    return f"{above}/_{name[: -len(VSI)]}_".lstrip("/")


class Tree:
    """Files below a folder of a store or archive.

    Parameters
    ----------
    store : what the path is below
    path : of the folder, "/"-separated

    Raises
    ------
    zipfile.BadZipFile
        Where an archive is none. Other errors are those of ``Store``.
    """

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path = store, path
        self._archive, inside = split_archive(path)
        self._prefix = f"{inside}/" if inside else ""
        self._file = store.open(self._archive, _BLOCK) if self._archive else None
        try:
            self._zip = None if self._file is None else zipfile.ZipFile(self._file)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Tree:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the archive."""
        self.close()

    def close(self) -> None:
        """Close the archive."""
        if self._file is not None:
            self._file.close()

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file, by relative path."""
        if self._zip is not None:
            found = {info.filename: info.file_size for info in self._zip.infolist() if not info.is_dir()}
            return {name[len(self._prefix) :]: size for name, size in found.items() if name.startswith(self._prefix)}
        cut = len(self._path) + 1 if self._path else 0
        return {rel[cut:]: size for rel, size in self._store.sizes(self._path).items()}

    def reader(self, rel: str) -> Callable[[], bytes]:
        """Return what reads a file.

        Called again after a fault, it reads anew.
        """
        archive, prefix = self._zip, self._prefix
        if archive is not None:
            return lambda: archive.read(prefix + rel)
        return lambda: self._store.read_bytes(f"{self._path}/{rel}".lstrip("/"))
