"""A folder of artefacts on any fsspec file system.

What has a final name is whole, whatever was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from builder.engine import localfiles, remote
from builder.errors import UserError

_CHUNK = 1 << 20


class Store:
    """The files below one folder, by "/"-separated relative path.

    It can be pickled (a worker opens the file system anew). A file is published in one step: by a rename where there
    is one, by a single put or a multipart upload completed last where there is none.

    Parameters
    ----------
    url : local path or fsspec URL
    options : storage options of the file system, as fsspec takes them

    Raises
    ------
    UserError
        Where the file system is unknown, does not answer, or has no space left.
    """

    def __init__(self, url: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> None:
        text = os.fspath(url)
        text = text[len("file://") :] if text.startswith("file://") else text
        self.options = dict(options or {})
        self._root = None if "://" in text else Path(text).absolute()
        self.url = text.rstrip("/") if self._root is None else str(self._root)
        self._opened: remote.Remote | None = None

    def __repr__(self) -> str:
        """Show the URL, not the options: they may hold keys."""
        return f"Store({self.url!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Drop the open file system, which must not cross processes."""
        return {**self.__dict__, "_opened": None}

    @property
    def _remote(self) -> remote.Remote:
        if self._opened is None:
            self._opened = remote.Remote(self.url, self.options)
        return self._opened

    def local(self, rel: str) -> str | None:
        """Return a file's local path; None for a remote store."""
        return None if self._root is None else str(self._root / localfiles.checked(rel))

    def exists(self, rel: str) -> bool:
        """Return whether there is such a file."""
        path = self.local(rel)
        return self._remote.exists(rel) if path is None else Path(path).is_file()

    def size(self, rel: str) -> int:
        """Return a file's bytes; raises FileNotFoundError where there is none."""
        path = self.local(rel)
        return self._remote.size(rel) if path is None else Path(path).stat().st_size

    def open(self, rel: str, block: int | None = None) -> BinaryIO:
        """Return a seekable reader.

        Of a remote file, each read asks for ``block`` bytes more than it needs.
        """
        path = self.local(rel)
        return self._remote.open(rel, block) if path is None else Path(path).open("rb")

    def read_bytes(self, rel: str) -> bytes:
        """Return a file's content; raises FileNotFoundError where there is none."""
        path = self.local(rel)
        return self._remote.read_bytes(rel) if path is None else Path(path).read_bytes()

    def read_range(self, rel: str, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to ``end`` (one request).

        Those that a shorter file has; a server may give the whole file.
        """
        path = self.local(rel)
        if path is None:
            return self._remote.read_range(rel, start, end)
        with Path(path).open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def read_many(self, rels: Iterable[str]) -> dict[str, bytes]:
        """Return the content of those files that exist.

        Remote reads overlap.
        """
        if self._root is None:
            return self._remote.read_many(list(rels))
        found: dict[str, bytes] = {}
        for rel in rels:
            with contextlib.suppress(FileNotFoundError):
                found[rel] = self.read_bytes(rel)
        return found

    def sha256(self, rel: str) -> str:
        """Return the hash of a file's content, in hex."""
        digest = hashlib.sha256()
        with self.open(rel) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return {path: bytes} of files below a folder, sorted.

        They come from one listing; hidden files are left out.
        """
        found = self._remote.sizes(prefix) if self._root is None else localfiles.sizes(self._root, prefix)
        return {rel: found[rel] for rel in sorted(found)}

    def facts(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """Return a remote store's file facts by path.

        Facts (size, etag, time ...) are as its file system names them; hidden files are left out.
        """
        return self._remote.facts(prefix)

    def folders(self, prefix: str = "") -> list[str]:
        """Return the sorted names of folders directly below one.

        Hidden ones are left out.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            Where it is not a folder.
        """
        path = self.local(prefix)
        if path is None:
            return self._remote.folders(prefix)
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))

    def list(self, prefix: str = "") -> list[str]:
        """Return the sorted paths of the files below a folder.

        The folder "" is everything; hidden files are left out.
        """
        return list(self.sizes(prefix))

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Publish a file with this content, or none."""
        with self.writing(rel) as file:
            file.write(data)

    @contextlib.contextmanager
    def writing(self, rel: str) -> Iterator[BinaryIO]:
        """Yield a local file, published when the block ends cleanly."""
        path = self.local(rel)
        try:
            if path is not None:
                with localfiles.replacing(Path(path)) as file:
                    yield file
            else:
                with localfiles.spooled() as (file, spool):
                    yield file
                    file.close()
                    self._remote.put(str(spool), localfiles.checked(rel))
        except OSError as error:
            if localfiles.is_full(error):
                where = "" if path is not None else f" in {localfiles.spool_folder()}"
                text = f"no space left{where} for {self.url}/{rel}: free some space and run the same command again"
                raise UserError(text) from error
            raise

    def delete(self, rel: str) -> None:
        """Remove a file if it exists."""
        path = self.local(rel)
        if path is None:
            self._remote.delete(rel)
        else:
            Path(path).unlink(missing_ok=True)

    def clean(self) -> int:
        """Remove half-written files of killed processes; return their count."""
        return self._remote.clean() if self._root is None else localfiles.clean(self._root)
