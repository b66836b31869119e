"""Memory maps of local files, kept from epoch to epoch."""

from __future__ import annotations

import os
import sys
from typing import Any

import pyarrow as pa

from cytoimagenet_reader.file_signatures import FileSignature, file_signature


class Maps:
    """Maps of the files that were read.

    Mapping a page takes as long as copying it: an epoch over files that are mapped takes half the time. A pickle has
    none of them. On Windows none is kept: a file that is mapped cannot be replaced there.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[FileSignature | None, pa.Buffer]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Maps, ()

    def content(self, path: str) -> pa.Buffer:
        """Return a file's content, mapped into memory.

        Raises
        ------
        OSError
            Where there is no such file, or it cannot be read.
        """
        found = file_signature(path)
        kept = self._kept.get(path)
        if kept is None or kept[0] != found:
            with pa.memory_map(path) as file:
                kept = found, file.read_buffer(file.size())
            if sys.platform != "win32":
                self._kept[path] = kept
        return kept[1]


def announce(descriptor: int, begin: int, end: int) -> None:
    """Tell the system which mapped bytes will be used.

    It then reads them in one read, not page by page. That costs time for each page, even where all are in memory, as
    after the first epoch: so it is told only if one of the ends is not.
    """
    if hasattr(os, "posix_fadvise") and not (
        _in_memory(descriptor, begin) and _in_memory(descriptor, end - 1)
    ):  # Linux
        os.posix_fadvise(descriptor, begin, end - begin, os.POSIX_FADV_WILLNEED)


def _in_memory(descriptor: int, place: int) -> bool:
    """Return whether a byte of a file is in memory."""
    if not hasattr(os, "RWF_NOWAIT"):  # Linux
        return False
    try:
        return os.preadv(descriptor, [bytearray(1)], place, os.RWF_NOWAIT) == 1
    except OSError:  # it is not there, or the file system cannot tell
        return False
