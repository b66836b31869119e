"""How many pages a TIFF file has, from its directories alone: no pixel is read."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

_MOST: Final = 100_000
_CLASSIC: Final = {b"II*\0": "<", b"MM\0*": ">"}
_BIG: Final = {b"II+\0": "<", b"MM\0+": ">"}


def count_pages(file: BinaryIO) -> int:
    """Return the number of directories of a seekable file, 0 for no whole TIFF (TIFF 6.0, section 2; BigTIFF)."""
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
    """Go from directory to directory; a chain that comes back to one of them is no TIFF."""
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
