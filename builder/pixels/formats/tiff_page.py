"""The directories of a TIFF: one page's facts, every offset and count checked against the file before it is used.

TIFF 6.0 (Adobe, 1992), sections 2 to 8 and 15; BigTIFF: https://libtiff.gitlab.io/libtiff/specification/bigtiff.html.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping
from typing import Final

import numpy as np

from builder.pixels.formats import limits

_MOST_PAGES: Final = 65_536
_MOST_TAGS: Final = 4096
_INTEGERS: Final = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}  # field type -> numpy type
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_COUNTS, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_PALETTE, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _SAMPLE_FORMAT = 320, 322, 323, 324, 325, 339

Tags = Mapping[int, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Page:
    """One image of a TIFF, by the names of TIFF 6.0; sizes in pixels, offsets and counts in bytes."""

    order: str  # "<" or ">"
    width: int
    height: int
    bits: tuple[int, ...]  # of each sample
    sample_format: int  # 1 unsigned, 2 signed, 3 float
    samples: int
    compression: int
    photometric: int
    fill_order: int
    separate: bool  # a plane a sample, instead of samples side by side
    predictor: int
    palette: tuple[int, ...]
    tiled: bool
    segment_width: int  # of a tile or strip
    segment_height: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]


class Tiff:
    """The chain of directories of a file.

    Raises
    ------
    RejectedError
        "unreadable" where an offset points outside the file, or back to a directory already seen.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data[:2] == b"II" else ">"
        self._big = struct.unpack_from(f"{self._order}H", data, 2)[0] == 43
        self._offsets = [self._number(8 if self._big else 4, "Q" if self._big else "I")]
        self._seen = set(self._offsets)

    def count(self) -> int:
        """Return the number of pages, walking the whole chain."""
        while self._follow():
            pass
        return len(self._offsets)

    def has(self, number: int) -> bool:
        """Return whether there is such a page, walking no further than it."""
        while len(self._offsets) <= number:
            if not self._follow():
                return False
        return True

    def page(self, number: int) -> Page:
        """Return the facts of a page that exists."""
        return _page(self._tags(self._offsets[number]), self._order, len(self._data))

    def _number(self, offset: int, kind: str) -> int:
        size = struct.calcsize(kind)
        if not 0 <= offset <= len(self._data) - size:
            raise limits.unreadable(f"TIFF offset {offset} in a file of {len(self._data)} bytes")
        return int(struct.unpack_from(self._order + kind, self._data, offset)[0])

    def _entries(self, offset: int) -> tuple[int, int]:
        """Return where the entries of a directory begin, and how many there are."""
        count = self._number(offset, "Q" if self._big else "H")
        if not 1 <= count <= _MOST_TAGS:
            raise limits.unreadable(f"TIFF directory of {count} tags")
        return offset + (8 if self._big else 2), count

    def _follow(self) -> bool:
        """Add the next page's offset; False at the end of the chain."""
        start, count = self._entries(self._offsets[-1])
        after = self._number(start + count * (20 if self._big else 12), "Q" if self._big else "I")
        if after == 0:
            return False
        if after in self._seen or len(self._offsets) >= _MOST_PAGES:
            raise limits.unreadable(f"TIFF directories in a circle, or more than {_MOST_PAGES}")
        self._seen.add(after)
        self._offsets.append(after)
        return True

    def _tags(self, offset: int) -> Tags:
        """Return the whole-number tags of a directory; the first of two with one number counts."""
        start, count = self._entries(offset)
        entry = struct.Struct(self._order + ("HHQ8s" if self._big else "HHI4s"))  # tag, type, count, value or its place
        end = start + count * entry.size
        if end > len(self._data):
            raise limits.unreadable(f"TIFF directory up to {end} in a file of {len(self._data)} bytes")
        tags: dict[int, tuple[int, ...]] = {}
        for tag, field, length, value in entry.iter_unpack(self._data[start:end]):
            if field not in _INTEGERS or tag in tags or not _WIDTH <= tag <= _SAMPLE_FORMAT:
                continue
            dtype = np.dtype(self._order + _INTEGERS[field])
            source, where = value, 0
            if length * dtype.itemsize > len(value):
                source, where = self._data, int.from_bytes(value, "little" if self._order == "<" else "big")
            if length < 1 or where + length * dtype.itemsize > len(source):
                raise limits.unreadable(f"TIFF tag {tag} of {length} values at {where}")
            tags[tag] = tuple(np.frombuffer(source, dtype, length, where).tolist())
        return tags


def _page(tags: Tags, order: str, size: int) -> Page:
    def one(tag: int, default: int) -> int:
        return tags.get(tag, (default,))[0]

    samples = one(_SAMPLES, 1)
    if not 1 <= samples <= 4:
        raise limits.unreadable(f"TIFF with {samples} samples a pixel")
    width, height = one(_WIDTH, 0), one(_HEIGHT, 0)
    tiled = _TILE_OFFSETS in tags
    page = Page(
        order=order,
        width=width,
        height=height,
        bits=tags.get(_BITS, (1,) * samples),
        sample_format=one(_SAMPLE_FORMAT, 1),
        samples=samples,
        compression=one(_COMPRESSION, 1),
        photometric=one(_PHOTOMETRIC, 1),
        fill_order=one(_FILL_ORDER, 1),
        separate=samples > 1 and one(_PLANAR, 1) == 2,
        predictor=one(_PREDICTOR, 1),
        palette=tags.get(_PALETTE, ()),
        tiled=tiled,
        segment_width=one(_TILE_WIDTH, 0) if tiled else width,
        segment_height=one(_TILE_HEIGHT, 0) if tiled else min(one(_ROWS_PER_STRIP, height), height),
        offsets=tags.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS, ()),
        counts=tags.get(_TILE_COUNTS if tiled else _STRIP_COUNTS, ()),
    )
    _check_segments(page, size)
    return page


def _check_segments(page: Page, size: int) -> None:
    """Reject a page whose strips or tiles are not as many as its size needs, or lie outside the file."""
    limits.check_size(page.width, page.height, 1 << 62)
    limits.check_size(page.segment_width, page.segment_height, 1 << 62)
    across, down = -(-page.width // page.segment_width), -(-page.height // page.segment_height)
    needed = across * down * (page.samples if page.separate else 1)
    if len(page.offsets) < needed or len(page.counts) not in (0, len(page.offsets)):
        raise limits.unreadable(
            f"TIFF with {len(page.offsets)} strips or tiles, {len(page.counts)} sizes, needs {needed}"
        )
    for offset, count in zip(page.offsets, page.counts, strict=False):
        if offset < 8 or count < 1 or offset + count > size:
            raise limits.unreadable(f"TIFF strip or tile of {count} bytes at {offset} in a file of {size}")
