"""Listing of a source's folder, with a signature per file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from builder.engine.localfiles import is_hidden
from builder.engine.store import Store

if TYPE_CHECKING:
    from builder.sources.common.folder import Notes

SKIPPED_FOLDERS = frozenset({"__MACOSX", ".svn", ".git", "not_part_of_source"})
SKIPPED_FILES = frozenset({"Thumbs.db", "desktop.ini"})
MASK = (1 << 63) - 1


def is_unicode(path: str) -> bool:
    """Return whether a path has no undecodable bytes.

    Python keeps such bytes as surrogates.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def walk_local(root: str, notes: Notes) -> Iterator[tuple[str, int]]:
    """Yield the files with their signatures, following links.

    Not back to a folder on the way to them.
    """
    top = Path(root).stat()
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ((top.st_dev, top.st_ino),))]
    while pending:
        below, above = pending.pop()
        with os.scandir(f"{root}/{below}") as entries:
            for entry in entries:
                if is_hidden(entry.name) or entry.name in SKIPPED_FOLDERS or entry.name in SKIPPED_FILES:
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
                    yield path, (state.st_size * 0x9E3779B97F4A7C15 + state.st_mtime_ns) & MASK
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


def walk_remote(store: Store) -> Iterator[tuple[str, int]]:
    """Yield the files with their signatures, from one listing."""
    from builder.draw import key64

    for path, facts in store.facts().items():
        if any(part in SKIPPED_FOLDERS or part in SKIPPED_FILES for part in PurePosixPath(path).parts):
            continue
        state = facts.get("ETag") or facts.get("etag") or facts.get("LastModified") or facts.get("mtime") or ""
        yield path, key64(int(facts.get("size") or 0), str(state)) & MASK
