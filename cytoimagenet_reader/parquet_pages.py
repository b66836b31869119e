"""Pages of Parquet column chunks: headers and plain values.

Layout: https://parquet.apache.org/docs/file-format/data-pages/, encodings:
https://parquet.apache.org/docs/file-format/data-pages/encodings/.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from cytoimagenet_reader.parquet_footer import Chunk
from cytoimagenet_reader.thrift import Compact
from cytoimagenet_reader.views import INLINE

DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_PLAIN: Final = 0
_ENCODINGS: Final = (0, 2, 3, 8)  # PLAIN, RLE and dictionaries: what any value takes is known from sizes and counts
_HEADER_BYTES: Final = (512, 1 << 16)  # in which a page's header lies: first try, most
_LENGTH: Final = struct.Struct("<I")
_PRESENT: Final = 2  # level of definition of a value in a struct, where both may be null


class Page(NamedTuple):
    """A page as its header says; its content begins ``at``."""

    kind: int
    inflated: int  # bytes
    values: int
    encoding: int
    position: int  # where its content begins
    size: int


def page_at(source: pa.NativeFile, begin: int, end: int) -> Page:
    """Return the page at ``begin`` of a column chunk.

    Raises
    ------
    ValueError
        Where its header is malformed, or of a kind that no page of a package is.
    """
    for window in _HEADER_BYTES:
        data = source.read_at(min(window, end - begin), begin)
        try:
            reader = Compact(data)
            header = reader.struct()
        except IndexError:  # it extends beyond the window
            continue
        kind, inflated, size = (header.get(field, -1) for field in (1, 2, 3))
        said = header.get(7 if kind == _DICTIONARY_PAGE else 5)
        if not isinstance(said, dict) or kind not in (DATA_PAGE, _DICTIONARY_PAGE):
            break
        values, encoding = (said.get(field, -1) for field in (1, 2))
        if not all(type(number) is int and 0 <= number < 1 << 31 for number in (inflated, size, values)):
            break
        page = Page(kind, inflated, values, encoding, begin + reader.position, size)
        if encoding not in _ENCODINGS or page.position + page.size > end:
            break
        return page
    raise ValueError("a page is malformed, or of a kind that no page of a package is")


def plain_texts(source: pa.NativeFile, chunk: Chunk) -> pa.Array | None:
    """Return a plain chunk's values, without nulls, as ``binary``.

    They are those of a nullable field of a nullable struct. None where the chunk is compressed, encoded otherwise or
    with nulls: pyarrow reads those.

    Raises
    ------
    ValueError
        Where a length leads out of the page.
    """
    pages = _plain_pages(source, chunk)
    if pages is None:
        return None
    pieces = [view[begin:end] for _, view, count in pages for begin, end in _values(view, count)]
    bounds = np.fromiter(itertools.accumulate(map(len, pieces), initial=0), np.int64, len(pieces) + 1)
    if bounds[-1] >= 1 << 31:
        return None
    buffers = [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(b"".join(pieces))]
    return pa.Array.from_buffers(pa.binary(), len(pieces), buffers, null_count=0)


def plain_views(source: pa.NativeFile, chunk: Chunk) -> pa.Array | None:
    """Return ``plain_texts`` as ``binary_view``.

    A mapped source is not copied. None also for short values, which such an array holds itself. Layout:
    https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout.

    Raises
    ------
    ValueError
        As there.
    """
    pages = _plain_pages(source, chunk)
    if pages is None:
        return None
    heads = []
    for number, (_, view, count) in enumerate(pages):
        bounds = np.array([*_values(view, count)], np.int64).reshape(-1, 2)
        sizes = bounds[:, 1] - bounds[:, 0]
        if len(view) >= 1 << 31 or np.any(sizes <= INLINE):
            return None
        first = np.frombuffer(view, np.uint8)[bounds[:, :1] + np.arange(4)].view("<i4")[:, 0]
        heads.append(np.stack([sizes, first, np.full(count, number), bounds[:, 0]], 1).astype("<i4"))
    buffers = [None, pa.py_buffer(np.concatenate(heads)), *(pa.py_buffer(view) for _, view, _ in pages)]
    return pa.Array.from_buffers(pa.binary_view(), chunk.values, buffers, null_count=0)


def plain_places(source: pa.NativeFile, chunk: Chunk) -> list[tuple[int, int]] | None:
    """Return where in the file each value of ``plain_texts`` lies.

    They are (begin, end) in bytes. None and errors as there.
    """
    pages = _plain_pages(source, chunk)
    if pages is None:
        return None
    return [
        (position + begin, position + end) for position, view, count in pages for begin, end in _values(view, count)
    ]


def _plain_pages(source: pa.NativeFile, chunk: Chunk) -> list[tuple[int, memoryview, int]] | None:
    """Return (place, values, their number) of each page.

    None where one is not plain, or has nulls.
    """
    found = []
    begin = chunk.begin
    while begin < chunk.end:
        page = page_at(source, begin, chunk.end)
        begin = page.position + page.size
        if chunk.codec or page.kind != DATA_PAGE or page.encoding != _PLAIN:
            return None
        source.seek(page.position)
        view = memoryview(source.read_buffer(page.size)).cast("B")  # pyarrow's counts from -128
        levels = _varint(page.values << 1) + bytes([_PRESENT])  # one run
        head = _LENGTH.pack(len(levels)) + levels
        if view[: len(head)] != head:
            return None
        found.append((page.position + len(head), view[len(head) :], page.values))
    return found


def _values(view: memoryview, count: int) -> Iterator[tuple[int, int]]:
    """Yield where each value of a page begins and ends."""
    position = 0
    for _ in range(count):
        begin = position + _LENGTH.size
        if begin > len(view):
            raise ValueError("a page ends within a value")
        position = begin + _LENGTH.unpack_from(view, position)[0]
        if position > len(view):
            raise ValueError("a page ends within a value")
        yield begin, position


def _varint(number: int) -> bytes:
    """Return a number in ULEB128."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
