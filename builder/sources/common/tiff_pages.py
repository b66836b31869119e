"""Page counts of TIFF files, without reading pixels."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

_MOST: Final = 100_000
_CLASSIC: Final = {b"II*\0": "<", b"MM\0*": ">"}
_BIG: Final = {b"II+\0": "<", b"MM\0+": ">"}


def count_pages(file: BinaryIO) -> int:
    """Return the number of TIFF directories, 0 if malformed.

    The file must be seekable; see TIFF 6.0, section 2, and BigTIFF.
    """
    try:
        magic = file.read(4)
        if magic in _CLASSIC:
            return _walk(file, _CLASSIC[magic], offset="I", count="H", entry=12, start=4)
        if magic in _BIG:
            return _walk(file, _BIG[magic], offset="Q", count="Q", entry=20, start=8)
    except (struct.error, OverflowError):  # cut in a directory, or an offset that no file has
        return 0
    return 0


def _walk(file: BinaryIO, order: str, offset: str, count: str, entry: int, start: int) -> int:
    """Count linked directories; a cycle means an invalid TIFF."""
    seen: set[int] = set()
    place = _number(file, start, order + offset)
    while place:
        if place in seen or len(seen) == _MOST:
            return 0
        seen.add(place)
        entries = _number(file, place, order + count)
        place = _number(file, place + struct.calcsize(order + count) + entries * entry, order + offset)
    return len(seen)


def _number(file: BinaryIO, place: int, kind: str) -> int:
    file.seek(place)
    (number,) = struct.unpack(kind, file.read(struct.calcsize(kind)))
    return int(number)
