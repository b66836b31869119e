"""Directories of a TIFF and their tags.

Every offset and count is checked against the file before it is used. TIFF 6.0 (Adobe, 1992), section 2; BigTIFF:
https://libtiff.gitlab.io/libtiff/specification/bigtiff.html.
"""

from __future__ import annotations

import struct
from typing import Final, Literal

from builder.errors import RejectedError
from builder.pixels.formats import limits

_MOST_PAGES: Final = 65_536
_MOST_TAGS: Final = 4096
_MOST_VALUES: Final = 1 << 20  # of a tag: as many rows, each a strip of its own
_WIDTH: Final = 256
IMAGEJ: Final = (b"ImageJ=", b"SCIFIO=")
"""How descriptions of ImageJ, and of ImageJ 2, begin."""
_TYPES: Final = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_RATIONALS: Final = {5: "I", 10: "i"}
_SIZES: Final = {"B": 1, "b": 1, "H": 2, "h": 2, "I": 4, "i": 4, "Q": 8}
_WILD: Final = 1000  # a pointer so many times beyond the file is noise: no file of ours lost so much of its end


Order = Literal["<", ">"]


Entry = tuple[int, int, bytes]
"""A tag as stored: the type of its values, their number, and the values or the place where they lie."""


class Directory:
    """The tags of one image file directory."""

    def __init__(self, data: bytes, order: Order, start: int, end: int, entries: dict[int, Entry]) -> None:
        self.order = order  # "<" or ">"
        self._endian: Literal["little", "big"] = "little" if order == "<" else "big"
        self.size = len(data)  # of the file
        self.span = (start, end)  # bytes of the file that the directory takes
        self._data = data
        self._entries = entries

    @property
    def may_hold_more(self) -> bool:
        """Whether planes without directories may follow the first.

        STK, ImageJ and tifffile's ``truncate`` write such.
        """
        text = self.raw(270)
        return 33629 in self or 33630 in self or text.startswith(IMAGEJ) or b'"truncated"' in text

    def __contains__(self, tag: int) -> bool:
        """Return whether there is such a tag."""
        return tag in self._entries

    def count(self, tag: int) -> int:
        """Return a tag's stated number of values; 0 if absent."""
        return self._entries[tag][1] if tag in self._entries else 0

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the values of a whole-number tag.

        Empty where it is absent or of another type.
        """
        entry = self._entries.get(tag)
        if entry is None or entry[0] not in _TYPES:
            return ()
        return self._values(tag, entry, _TYPES[entry[0]], 1)

    def ratios(self, tag: int) -> tuple[float, ...]:
        """Return the values of a rational or whole-number tag."""
        entry = self._entries.get(tag)
        if entry is None or entry[0] not in _RATIONALS:
            return tuple(map(float, self.numbers(tag)))
        values = self._values(tag, entry, _RATIONALS[entry[0]], 2)
        if not all(values[1::2]):
            raise limits.unreadable(f"TIFF tag {tag} divides by zero")
        return tuple(over / under for over, under in zip(values[::2], values[1::2], strict=True))

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a tag of bytes or text.

        Empty where it is absent or lies outside the file.
        """
        entry = self._entries.get(tag)
        if entry is None or entry[0] not in (1, 2, 7):
            return b""
        source, where = self._place(entry, 1)
        return source[where : where + entry[1]]

    def one(self, tag: int, default: int) -> int:
        """Return the first value of a whole-number tag."""
        entry = self._entries.get(tag)
        if entry is None:
            return default
        if entry[1] == 1 and entry[0] in (3, 4):  # as nearly all are
            return int.from_bytes(entry[2][: 2 * entry[0] - 4], self._endian)
        return (self.numbers(tag) or (default,))[0]

    def _place(self, entry: Entry, size: int) -> tuple[bytes, int]:
        _, count, value = entry
        if count * size <= len(value):
            return value, 0
        return self._data, int.from_bytes(value, self._endian)

    def _values(self, tag: int, entry: Entry, code: str, each: int) -> tuple[int, ...]:
        count, size = entry[1], each * _SIZES[code]
        source, where = self._place(entry, size)
        if not 1 <= count <= _MOST_VALUES or where + count * size > len(source):
            raise limits.unreadable(f"TIFF tag {tag} of {count} values at {where}")
        return struct.unpack_from(f"{self.order}{count * each}{code}", source, where)


class Tiff:
    """Chain of directories, followed no further than asked.

    Raises
    ------
    RejectedError
        "unreadable" where an offset points outside the file, or back to a directory already seen.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order: Order = "<" if data[:2] == b"II" else ">"
        self._big = struct.unpack_from(f"{self._order}H", data, 2)[0] == 43
        self._number_type = ("Q", 8) if self._big else ("I", 4)
        self._offsets = [self._number(8 if self._big else 4)]
        self._seen = set(self._offsets)
        self._ended = False

    def has(self, number: int) -> bool:
        """Return whether the chain has such a directory."""
        while len(self._offsets) <= number and not self._ended:
            self._ended = not self._follow()
        return len(self._offsets) > number

    def directory(self, number: int) -> Directory:
        """Return a directory of the chain that exists."""
        return self.directory_at(self._offsets[number])

    def directory_at(self, offset: int) -> Directory:
        """Return the directory at a place in the file.

        The first of two tags with one number counts.
        """
        start, count = self._entries(offset)
        entry = struct.Struct(self._order + ("HHQ8s" if self._big else "HHI4s"))
        end = start + count * entry.size
        if end > len(self._data):
            raise limits.unreadable(f"TIFF directory up to {end} in a file of {len(self._data)} bytes")
        entries: dict[int, Entry] = {}
        for tag, field, length, value in entry.iter_unpack(self._data[start:end]):
            entries.setdefault(tag, (field, length, value))
        return Directory(self._data, self._order, offset, end, entries)

    def _number(self, offset: int) -> int:
        kind, size = self._number_type
        if not 0 <= offset <= len(self._data) - size:
            raise limits.unreadable(f"TIFF offset {offset} in a file of {len(self._data)} bytes")
        return int(struct.unpack_from(self._order + kind, self._data, offset)[0])

    def _entries(self, offset: int) -> tuple[int, int]:
        """Return where a directory's entries begin, and their number."""
        size = 8 if self._big else 2
        if not 0 <= offset <= len(self._data) - size:
            raise limits.unreadable(f"TIFF directory at {offset} in a file of {len(self._data)} bytes")
        (count,) = struct.unpack_from(self._order + ("Q" if self._big else "H"), self._data, offset)
        if not 1 <= count <= _MOST_TAGS:
            raise limits.unreadable(f"TIFF directory of {count} tags")
        return offset + size, int(count)

    def _follow(self) -> bool:
        """Add the next directory's offset; return False at the end."""
        start, count = self._entries(self._offsets[-1])
        position = start + count * (20 if self._big else 12)
        if position == len(self._data):  # the file ends with the last entry: nothing says that there is another
            return False
        after = self._number(position)
        if after == 0 or self._is_noise(after):
            return False
        if after in self._seen or len(self._offsets) >= _MOST_PAGES:
            raise limits.unreadable(f"TIFF directories in a circle, or more than {_MOST_PAGES}")
        self._entries(after)
        self._seen.add(after)
        self._offsets.append(after)
        return True

    def _is_noise(self, offset: int) -> bool:
        """Return whether a pointer after the last directory is invalid.

        A pointer to a place shortly after the file's end, or to zeros, speaks of a file that was cut: that is an error.
        """
        if offset >= len(self._data):
            return offset % 2 == 1 or offset > _WILD * len(self._data)  # directories begin on whole words
        if not any(self._data[offset : offset + 64]):
            return False
        try:
            return _WIDTH not in self.directory_at(offset)
        except RejectedError:
            return True
