"""The chunks of a PNG (https://www.w3.org/TR/png-3/#5DataRep), walked and checked.

This is the only place that knows the layout of a PNG file. The CRC of every critical chunk is checked, so that a
damaged file is refused whatever decodes its pixels: Pillow, libpng or the kernels of this package.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

from zlib_ng.zlib_ng import crc32

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
"""The last chunk of every PNG."""
_BEGINNING: Final = SIGNATURE + b"\0\0\0\x0dIHDR"
_PLAIN: Final = (8, 0, 0, 0, 0)  # what a header says behind width and height
_between = struct.Struct(">II4s").unpack_from  # CRC of a chunk, length and kind of the next
_crc = struct.Struct(">I").unpack_from
_header = struct.Struct(">IIBBBBB").unpack_from


class PngError(ValueError):
    """A PNG that is damaged, or breaks the format."""


class Header(NamedTuple):
    """The content of IHDR."""

    width: int
    height: int
    bits: int  # a sample
    colour: int  # 0 grey, 2 RGB, 3 palette, 4 grey and opacity, 6 RGB and opacity
    compression: int
    filtering: int
    interlaced: int


class Png(NamedTuple):
    """A PNG whose critical chunks are intact."""

    header: Header
    data: list[tuple[int, int]]  # (start, end) of the content of each IDAT chunk
    kinds: list[bytes]  # of the chunks that are neither IHDR, IDAT nor IEND

    @property
    def is_plain(self) -> bool:
        """Whether the image is 8-bit grey, non-interlaced and opaque."""
        return self.header[2:] == _PLAIN and b"tRNS" not in self.kinds


def write_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk."""
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", crc32(content, crc32(kind)))))


def with_rows(header: Header, rows: bytes | memoryview) -> bytes:
    """Return a PNG of filtered rows, not deflated."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *header)), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")]
    return SIGNATURE + b"".join(write_chunk(kind, content) for kind, content in chunks)


def read_header(file: bytes | memoryview) -> Header:
    """Return a PNG's header; the rest is not read.

    Raises
    ------
    PngError
        Where the file does not begin as a PNG does, or declares no pixels.
    """
    if file[:16] != _BEGINNING or len(file) < 33:
        what = "a damaged PNG: it has no header" if file[:8] == SIGNATURE else "not a PNG: it has no signature of one"
        raise PngError(what)
    header = Header._make(_header(file, 16))
    if not header.width or not header.height:
        raise PngError(f"a damaged PNG: {header.width} x {header.height} pixels")
    return header


def parse(file: bytes | memoryview) -> Png:
    """Return the header and data locations of a PNG.

    Raises
    ------
    PngError
        Where the file does not begin as a PNG does, declares no pixels, ends before IEND, has no data, or a critical
        chunk is unknown, out of place or does not have the CRC of its content.
    """
    header = read_header(file)
    view, size = memoryview(file), len(file)
    if size < 45:
        raise PngError("a damaged PNG: it ends after its header")
    header_crc, length, kind = _between(view, 29)
    if crc32(view[12:29]) != header_crc:
        raise PngError("a damaged PNG: the CRC of its header is not that of its content")
    data: list[tuple[int, int]] = []
    others: list[bytes] = []
    start = 41  # of the content of the chunk after the header
    while (end := start + length) + 16 <= size:
        crc, length, next_kind = _between(view, end)
        if kind == b"IDAT" and crc32(view[start - 4 : end]) == crc:
            data.append((start, end))
        elif kind[0] & 0x20:  # ancillary: any reader may skip it
            others.append(kind)
        elif crc32(view[start - 4 : end]) != crc:
            raise PngError(f"a damaged PNG: the CRC of a chunk {kind!r} is not that of its content")
        elif kind == b"PLTE" and not data:
            others.append(kind)
        else:
            break
        start, kind = end + 12, next_kind
    if kind == b"IEND" and end + 4 <= size and crc32(view[start - 4 : end]) == _crc(view, end)[0] and data:
        return Png(header, data, others)
    raise PngError(f"a damaged PNG: a chunk {kind!r} is out of place, cut off or has a wrong CRC")


def content_of(file: bytes, kind: bytes) -> bytes:
    """Return the content of the first chunk of a kind.

    ``parse`` has found such a chunk in the file.
    """
    start = len(SIGNATURE)
    while file[start + 4 : start + 8] != kind:
        start += 12 + int.from_bytes(file[start : start + 4], "big")
    return file[start + 8 : start + 8 + int.from_bytes(file[start : start + 4], "big")]
