"""Structs of Thrift's compact protocol, as in Parquet's metadata.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from typing import Any, Final

_MOST_NESTED: Final = 10
_TRUE, _FALSE, _BYTE, _NUMBERS, _DOUBLE, _TEXT, _LISTS, _STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12


class Compact:
    """Reads values one after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the struct that begins here: field number -> value.

        Values are bool, int, float, bytes, list or dict.

        Raises
        ------
        IndexError
            Where it extends beyond the data.
        ValueError
            Where it is malformed, nested very deep, or has a type that nothing in Parquet has.
        """
        if depth > _MOST_NESTED:
            raise ValueError("a header is malformed")
        # in local names, and numbers and texts read here: that takes half the time
        data, position = self._data, self.position
        found: dict[int, Any] = {}
        field = 0
        while head := data[position]:
            position += 1
            kind = head & 15
            if head >> 4:
                field += head >> 4
            else:
                self.position = position
                field = self._number()
                position = self.position
            if kind == _TEXT or kind in _NUMBERS:
                number = data[position]
                position += 1
                if number >= 0x80:
                    self.position = position - 1
                    number = self._varint()
                    position = self.position
                if kind == _TEXT:
                    begin, position = position, position + number
                    if position > len(data):
                        raise IndexError
                    found[field] = data[begin:position]
                else:
                    found[field] = (number >> 1) ^ -(number & 1)
            elif kind in (_TRUE, _FALSE):
                found[field] = kind == _TRUE
            else:
                self.position = position
                found[field] = self._value(kind, depth)
                position = self.position
        self.position = position + 1
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _NUMBERS:
            return self._number()
        if kind == _TEXT:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in _LISTS and depth < _MOST_NESTED:
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            if count > len(self._data):
                raise IndexError
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind in (_TRUE, _FALSE, _BYTE):  # of a list
            return self._byte()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        raise ValueError("a header is malformed")

    def _byte(self) -> int:
        byte = self._data[self.position]
        self.position += 1
        return byte

    def _bytes(self, count: int) -> bytes:
        begin, self.position = self.position, self.position + count
        if self.position > len(self._data):
            raise IndexError
        return self._data[begin : self.position]

    def _varint(self) -> int:
        byte = self._data[self.position]  # most numbers are small
        self.position += 1
        if byte < 0x80:
            return byte
        found = byte & 0x7F
        for shift in range(7, 64, 7):
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
        raise ValueError("a header is malformed")

    def _number(self) -> int:
        coded = self._varint()
        return (coded >> 1) ^ -(coded & 1)
