"""A source's folder, local or on any fsspec system.

It is listed once and read by relative path; misfits are noted.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from builder.engine.store import Store
from builder.sources.common.packed import PACKED, DamagedError, plain_name, text_lines, unpacked
from builder.sources.common.tiff_pages import count_pages

SKIPPED_FOLDERS = frozenset({"__MACOSX", ".svn", ".git", "not_part_of_source"})
SKIPPED_FILES = frozenset({"Thumbs.db", "desktop.ini"})
_MASK = (1 << 63) - 1
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
        self._signatures = signatures
        self._store = Store(self.root, options)

    @classmethod
    def listed(cls, root: str, options: dict[str, Any] | None = None) -> Folder:
        """List a folder once.

        Hidden files and the files left by archive tools are left out.
        """
        store = Store(root, options)
        local = store.local("")
        notes = Notes()
        signatures = dict(_walk_remote(store) if local is None else _walk_local(local, notes))
        unnameable = sorted(path for path in signatures if not _is_unicode(path))
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

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._signatures)

    def paths(self, *suffixes: str) -> Iterator[str]:
        """Yield the files with these suffixes, in sorted order.

        Case does not count; all files without suffixes.
        """
        wanted = tuple(suffix.lower() for suffix in suffixes)
        chosen = [path for path in self._signatures if path.lower().endswith(wanted)] if wanted else self._signatures
        yield from sorted(chosen)  # what is left out is not sorted: tables are few among millions of files

    def named(self, name: str) -> list[str]:
        """Return the files with this name, the shallowest first.

        In any case and at any depth; packed ones where there is none.
        """
        names = [name.lower(), *(f"{name.lower()}{ending}" for ending in PACKED)]
        found: dict[str, list[str]] = {lower: [] for lower in names}
        for path in self._signatures:
            if path.lower().endswith(tuple(names)) and (lower := path.rpartition("/")[2].lower()) in found:
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
        return all(PurePosixPath(plain_name(path)).suffix.lower() in _TEXTS for path in self._signatures)

    def file_signature(self, paths: Iterable[str]) -> int:
        """Return one signature for several files, in their order."""
        state = 0
        for path in paths:
            state = (state * 0x9E3779B97F4A7C15 + self._signatures.get(path, 1)) & _MASK
        return state

    def state(self) -> str:
        """Return the sha256 (hex) of all names and signatures."""
        digest = hashlib.sha256()
        for path in sorted(self._signatures):
            digest.update(f"{path}\0{self._signatures[path]}\0".encode())
        return digest.hexdigest()

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


def _is_unicode(path: str) -> bool:
    """Return whether a path has no undecodable bytes.

    Python keeps such bytes as surrogates.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk_local(root: str, notes: Notes) -> Iterator[tuple[str, int]]:
    """Yield the files with their signatures, following links.

    Not back to a folder on the way to them.
    """
    top = Path(root).stat()
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ((top.st_dev, top.st_ino),))]
    while pending:
        below, above = pending.pop()
        with os.scandir(f"{root}/{below}") as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS or entry.name in SKIPPED_FILES:
                    continue
                path = f"{below}{entry.name}"
                if _leads_to_itself(entry):
                    notes.add("links to themselves", path)
                elif entry.is_dir():
                    state = entry.stat()
                    here = state.st_dev, state.st_ino
                    if here in above:
                        notes.add("links back to a folder above, not followed", path)
                    else:
                        pending.append((f"{path}/", (*above, here)))
                elif entry.is_file():
                    state = entry.stat()
                    yield path, (state.st_size * 0x9E3779B97F4A7C15 + state.st_mtime_ns) & _MASK
                elif entry.is_symlink() and not Path(entry.path).exists():
                    notes.add("links to nothing", path)
                else:
                    notes.add("pipes and devices, not read", path)


def _leads_to_itself(entry: os.DirEntry[str]) -> bool:
    try:
        entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return True
    return False


def _walk_remote(store: Store) -> Iterator[tuple[str, int]]:
    from builder.draw import key64

    for path, facts in store.facts().items():
        if any(part in SKIPPED_FOLDERS or part in SKIPPED_FILES for part in PurePosixPath(path).parts):
            continue
        state = facts.get("ETag") or facts.get("etag") or facts.get("LastModified") or facts.get("mtime") or ""
        yield path, key64(int(facts.get("size") or 0), str(state)) & _MASK
