"""Parsing of JPEG markers (ITU-T T.81, annex B).

They give the frame, colour, orientation and scans, and whether the stream ends.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

import numpy.typing as npt

from builder.pixels.formats import limits

BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
_FRAMES: Final = frozenset({*range(0xC0, 0xD0), JPEG_LS} - {0xC4, 0xC8, 0xCC})
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_AFTER_STUFFED_BYTES: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_AFTER_STUFFED_BITS: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE


@dataclasses.dataclass(frozen=True)
class Scan:
    """Components and coefficients of one scan, and low bits omitted."""

    components: tuple[int, ...]
    first: int
    last: int
    low: int


@dataclasses.dataclass(frozen=True)
class Jpeg:
    """The facts of a JPEG stream."""

    frame: int  # the marker of its frame: BASELINE ...
    precision: int  # bits of a sample
    height: int
    width: int
    components: tuple[int, ...]
    adobe: int | None  # colour transform of Adobe's marker: 0 none, 1 YCbCr, 2 YCCK
    jfif: bool
    exif: bytes  # a TIFF, or nothing
    scans: tuple[Scan, ...]
    ends: bool  # whether there is an end marker
    scans_end: int  # where the last scan's data end


def markers(data: bytes) -> Jpeg:
    """Parse the markers of a stream that begins with SOI.

    Raises
    ------
    RejectedError
        "unreadable" where there is no frame, or more than one.
    """
    frame: tuple[int, int, int, int, tuple[int, ...]] | None = None
    adobe, jfif, exif, scans, ends, scans_end = None, False, b"", [], False, len(data)
    position = 2
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            raise limits.unreadable(f"JPEG with byte {data[position]:#x} at {position} where a marker is due")
        kind = data[position + 1]
        if kind == 0xFF:  # fill
            position += 1
            continue
        if kind == _EOI:
            ends = True
            break
        if kind in _ALONE or kind == _SOI:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if length < 2 or len(body) < length - 2:
            break
        if kind in _FRAMES:
            if frame is not None:
                raise limits.unreadable("JPEG of several frames")
            frame = _frame(kind, body)
        elif kind == _APP0 and body.startswith(b"JFIF\0"):
            jfif = True
        elif kind == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif kind == _APP1 and body.startswith(b"Exif\0\0") and not exif:
            exif = body[6:]
        position += 2 + length
        if kind == _SOS:
            scans.append(_scan(body))
            position = scans_end = _after_entropy(data, position, frame is not None and frame[0] == JPEG_LS)
    if frame is None:
        raise limits.unreadable("JPEG without a frame")
    return Jpeg(*frame, adobe, jfif, exif, tuple(scans), ends, scans_end)


def _frame(kind: int, body: bytes) -> tuple[int, int, int, int, tuple[int, ...]]:
    count = body[5] if len(body) >= 6 else 0
    if count < 1 or len(body) < 6 + 3 * count:
        raise limits.unreadable("JPEG with a broken frame")
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    return kind, body[0], height, width, tuple(body[6 + 3 * k] for k in range(count))


def _scan(body: bytes) -> Scan:
    count = body[0] if body else 0
    if count < 1 or len(body) < 4 + 2 * count:
        raise limits.unreadable("JPEG with a broken scan")
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    return Scan(tuple(body[1 + 2 * k] for k in range(count)), first, last, bits & 15)


def _after_entropy(data: bytes, position: int, bit_stuffed: bool) -> int:
    """Return where the next marker other than a restart is.

    JPEG-LS stuffs a bit, not a byte, after 0xff.
    """
    found = (_AFTER_STUFFED_BITS if bit_stuffed else _AFTER_STUFFED_BYTES).search(data, position)
    return found.start() if found else len(data)


def with_tables(data: bytes, tables: bytes) -> bytes:
    """Prepend another stream's tables to an abbreviated stream.

    ``tables`` is an SOI, tables and an EOI.
    """
    return data[:2] + tables[2:-2] + data[2:] if len(tables) > 4 else data


def entropy(data: bytes, facts: Jpeg) -> bytes:
    """Return a stream up to its last scan's data.

    The end marker is left out.
    """
    return data[: min(facts.scans_end, len(data))].rstrip(b"\xff")


def has_all_scans(facts: Jpeg) -> bool:
    """Return whether the scans bring every coefficient in full.

    That is, of every component, to its last bit.
    """
    if facts.frame != PROGRESSIVE:
        return {component for scan in facts.scans for component in scan.components} >= set(facts.components)
    missing = {(component, k) for component in facts.components for k in range(64)}
    for scan in facts.scans:
        if scan.low == 0:
            missing -= {(component, k) for component in scan.components for k in range(scan.first, scan.last + 1)}
    return not missing


def may_lack_data(pixels: npt.NDArray[Any], facts: Jpeg) -> bool:
    """Return whether a decoder may have filled up the pixels.

    It may where the last ones are of one grey, or where nobody can say. The next coefficients of a progressive image,
    and of a lossless one the next samples, need not be flat.
    """
    if facts.frame in (PROGRESSIVE, LOSSLESS):
        return True
    corner = pixels[-4:, -4:]
    return facts.frame in (BASELINE, EXTENDED) and bool((corner == corner[0, 0]).all())
