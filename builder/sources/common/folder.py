"""A source's folder, local or on any fsspec system.

It is listed once and read by relative path; misfits are noted.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, KeysView
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final

from builder.engine.store import Store
from builder.engine.trees import ArrayKey, is_array, split_archive
from builder.sources.common.arrays import set_apart, with_pixels
from builder.sources.common.endings import Endings
from builder.sources.common.listing import MASK, is_unicode, walk_local, walk_remote
from builder.sources.common.packed import PACKED, DamagedError, plain_name, text_lines, unpacked
from builder.sources.common.tiff_pages import count_pages

_TEXTS: Final = frozenset((".csv", ".tsv", ".txt", ".json", ".lst", ".md", ".out", ".screen", ".xls", ".xlsx"))
_NOTED_EXAMPLES = 5
_AT_ONCE: Final = 256 << 20  # most bytes of a file that is not read row by row: a workbook, a list in JSON


class LayoutError(Exception):
    """A source layout that its adapter does not know.

    The text says what was looked for, where, and what was found.
    """


class Notes:
    """Counts and first examples of misfits in a source.

    Files without a row, rows without a file and the like.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[str]] = {}

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """Count a misfit and keep the first few examples."""
        self.counts[kind] = self.counts.get(kind, 0) + count
        kept = self.examples.setdefault(kind, [])
        if len(kept) < _NOTED_EXAMPLES:
            kept.append(example)

    def add_all(self, kind: str, examples: Iterable[str]) -> None:
        """Count many of one kind."""
        for example in examples:
            self.add(kind, example)


class Folder:
    """The files of one source by relative path.

    The separator is "/" whatever the system.

    Parameters
    ----------
    signatures : relative path -> a 63-bit number that changes when the file does (from its size and time or etag)
    root : local path or fsspec URL
    """

    def __init__(self, root: str, signatures: dict[str, int], options: dict[str, Any] | None = None) -> None:
        self.root = root.rstrip("/")
        self.notes = Notes()
        self.place: tuple[str, int] = ("", 0)  # file and line that were read last, 0 for no line
        self.tables: dict[str, bool] = {}  # tables of labels that the adapter looked for -> was one found?
        self._signatures, self.arrays = set_apart(with_pixels(signatures))
        self._store = Store(self.root, options)

    @classmethod
    def listed(cls, root: str, options: dict[str, Any] | None = None) -> Folder:
        """List a folder once.

        Hidden files and the files left by archive tools are left out.
        """
        store = Store(root, options)
        local = store.local("")
        notes = Notes()
        signatures = dict(walk_remote(store) if local is None else walk_local(local, notes))
        unnameable = sorted(path for path in signatures if not is_unicode(path))
        for path in unnameable:
            del signatures[path]
        folder = cls(root, signatures, options)
        folder.notes = notes
        folder.notes.add_all("file names that are not UTF-8", (ascii(path) for path in unnameable))
        return folder

    def __contains__(self, path: object) -> bool:
        """Return whether the folder holds this file.

        A path that climbs out of it is never in it.
        """
        return path in self._signatures

    @property
    def listing(self) -> KeysView[str]:
        """The files, as a set that is quick to ask."""
        return self._signatures.keys()

    def __len__(self) -> int:
        """Return the number of files; an array counts as one."""
        return len(self._signatures) + len(self.arrays)

    def paths(self, *suffixes: str) -> Iterator[str]:
        """Yield the files with these suffixes, in sorted order.

        Case does not count; all files without suffixes.
        """
        yield from self._endings.paths(suffixes) if suffixes else self._endings.all()

    @functools.cached_property
    def _endings(self) -> Endings:
        return Endings(self._signatures)

    def named(self, name: str) -> list[str]:
        """Return the files with this name, the shallowest first.

        In any case and at any depth; packed ones where there is none.
        """
        names = [name.lower(), *(f"{name.lower()}{ending}" for ending in PACKED)]
        found: dict[str, list[str]] = {lower: [] for lower in names}
        for path in self._endings.paths(names):
            if (lower := path.rpartition("/")[2].lower()) in found:
                found[lower].append(path)
        copies = next((found[lower] for lower in names if found[lower]), [])
        return sorted(copies, key=lambda path: (path.count("/"), path))

    def contents(self) -> str:
        """Describe the number of files of each kind.

        The most frequent first, for people.
        """
        kinds = Counter(_kind(path) for path in self._signatures)
        frequent = sorted(kinds.items(), key=lambda found: (-found[1], found[0]))[:5]
        listed = ", ".join(f"{count:,} {kind}" for kind, count in frequent)
        return f"{listed}{' …' * (len(kinds) > 5)}" or "no file"

    def holds_only_texts(self) -> bool:
        """Return whether there are only tables and texts.

        Packed or not; images may be fetched later.
        """
        texts = (PurePosixPath(plain_name(path)).suffix.lower() in _TEXTS for path in self._signatures)
        return not self.arrays and all(texts)

    def file_signature(self, paths: Iterable[str]) -> int:
        """Return one signature for several files, in their order."""
        state = 0
        for path in paths:
            state = (state * 0x9E3779B97F4A7C15 + (self._signatures.get(path) or self._of_array(path))) & MASK
        return state

    def _of_array(self, path: str) -> int:
        """Return the signature of an array, or of its archive."""
        folder = ArrayKey.parse(path).path if is_array(path) else path
        if folder in self.arrays:
            return self.arrays[folder].signature
        return self._signatures.get(split_archive(folder)[0], 1)

    def state(self) -> str:
        """Return the sha256 (hex) of all names and signatures."""
        digest = hashlib.sha256()
        for path in sorted(self._signatures):
            digest.update(f"{path}\0{self._signatures[path]}\0".encode())
        for path in sorted(self.arrays):
            digest.update(f"{path}\0{self.arrays[path].signature}\0".encode())
        return digest.hexdigest()

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of those files that are listed.

        Remote reads overlap.
        """
        return self._store.read_many([path for path in paths if path in self._signatures])

    @property
    def store(self) -> Store:
        """The files, as they lie on their file system."""
        return self._store

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a file for reading, unpacked where necessary.

        Names ending in ``.gz``, ``.xz``, ``.zst`` or ``.zip`` are unpacked. A remote file system that fails is asked
        again for a while.

        Raises
        ------
        LayoutError
            Where the path is not one of the listed files, cannot be unpacked, or holds more than a table may.
        """
        if path not in self._signatures:
            raise LayoutError(f"{self.root} holds no file {path!r}")
        self.place = path, 0
        try:
            with unpacked(path, self._store.open(path)) as file:
                yield file
        except DamagedError as error:
            raise LayoutError(f"{self.root}/{path}: {error}") from None

    def count_pages(self, path: str) -> int:
        """Return a TIFF's number of pages.

        0 for what is no whole TIFF.
        """
        with self._store.open(path, block=4096) as file:
            return count_pages(file)

    def read_bytes(self, path: str) -> bytes:
        """Return a file's content, at most 256 MB.

        It is unpacked as by ``open``.
        """
        with self.open(path) as file:
            content = file.read(_AT_ONCE + 1)
        if len(content) > _AT_ONCE:
            raise LayoutError(f"{self.root}/{path}: more than {_AT_ONCE:,} bytes, which no table of this kind has")
        return content

    def lines(self, path: str) -> Iterator[str]:
        """Yield a file's lines with their line ends.

        Unpacked as by ``open``; those that are no UTF-8 are read as Latin-1 (noted).
        """
        noted = False
        with self.open(path) as file:
            for line, foreign in text_lines(file):
                if foreign and not noted:
                    noted = True
                    self.notes.add("tables that are not UTF-8, read as Latin-1", path)
                yield line

    def read_text(self, path: str) -> str:
        """Return a file's text, at most 256 MB.

        UTF-8, with or without mark, or Latin-1 (noted).
        """
        content = self.read_bytes(path)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.notes.add("tables that are not UTF-8, read as Latin-1", f"{path}: byte {error.start}")
            return content.decode("latin-1")


def _kind(path: str) -> str:
    """Return the kind that a file is counted as.

    Its ending, the ending of a Zarr folder that it is part of, or its name.
    """
    for folder in PurePosixPath(path).parts[:-1]:
        if folder.lower().endswith((".zarr", ".n5")):
            return f"files of {PurePosixPath(folder).suffix.lower()}"
    name = path.rpartition("/")[2]
    return PurePosixPath(name).suffix.lower() or "without an ending"
