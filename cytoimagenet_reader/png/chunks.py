"""The chunks of a PNG (https://www.w3.org/TR/png-3/#5DataRep), walked and checked.

This is the only place that knows the layout of a PNG file. The CRC of every critical chunk is checked, so that a
damaged file is refused whatever decodes its pixels: Pillow, libpng or the passes of this package.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

from zlib_ng.zlib_ng import crc32

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_prefix = struct.Struct(">I4s").unpack_from  # length and kind
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
    kinds: frozenset[bytes]  # of the chunks that are neither IHDR, IDAT nor IEND

    @property
    def is_plain(self) -> bool:
        """Whether this is an 8-bit grey image, not interlaced, without transparency."""
        return self.header[2:] == (8, 0, 0, 0, 0) and b"tRNS" not in self.kinds


def write_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk."""
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", crc32(content, crc32(kind)))))


def with_rows(header: Header, rows: bytes | memoryview) -> bytes:
    """Return a PNG of filtered rows, not deflated."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *header)), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")]
    return SIGNATURE + b"".join(write_chunk(kind, content) for kind, content in chunks)


def read_header(file: bytes | memoryview) -> Header:
    """Return what a PNG says of itself at its beginning; the rest of the file is not looked at.

    Raises
    ------
    PngError
        Where the file does not begin as a PNG does, or declares no pixels.
    """
    start = bytes(file[:33])
    if start[:8] != SIGNATURE:
        raise PngError("not a PNG: it has not the signature of one")
    if len(start) < 33 or start[8:16] != b"\0\0\0\x0dIHDR":
        raise PngError("a damaged PNG: it has no header")
    header = Header(*_header(start, 16))
    if not header.width or not header.height:
        raise PngError(f"a damaged PNG: {header.width} x {header.height} pixels")
    return header


def parse(file: bytes | memoryview) -> Png:
    """Return the header of a PNG and where its data are.

    Raises
    ------
    PngError
        Where the file does not begin as a PNG does, declares no pixels, ends before IEND, has no data, or a critical
        chunk is unknown, out of place or does not have the CRC of its content.
    """
    header = read_header(file)
    view = memoryview(file)
    data: list[tuple[int, int]] = []
    others: list[bytes] = []
    start, size = 16, len(view)  # of a chunk's content
    while start + 4 <= size:
        length, kind = _prefix(view, start - 8)
        end = start + length
        if end + 4 > size:
            break
        if kind[0] & 0x20:  # ancillary: any reader may skip it
            others.append(kind)
        elif crc32(view[start - 4 : end]) != _crc(view, end)[0]:
            raise PngError(f"a damaged PNG: the CRC of a chunk {kind!r} is not that of its content")
        elif kind == b"IDAT":
            data.append((start, end))
        elif kind == b"IEND" and data:
            return Png(header, data, frozenset(others))
        elif kind == b"PLTE" and not data:
            others.append(kind)
        elif kind != b"IHDR" or start > 16:
            raise PngError(f"a damaged PNG: an unexpected chunk {kind!r}")
        start = end + 12
    raise PngError("a damaged PNG: it ends too early")
