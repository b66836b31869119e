"""The walk over a PNG's chunks: findings and refusals.

A file is refused whatever would decode its pixels.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from cytoimagenet_reader.png.chunks import Header, PngError, parse, read_header, with_rows, write_chunk
from cytoimagenet_reader.png.encoder import encode

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = struct.pack(">IIBBBBB", 5, 3, 8, 0, 0, 0, 0)
ROWS = bytes(18)


def chunk(kind: bytes, content: bytes = b"", crc: int = 0) -> bytes:
    """A chunk; ``crc`` is added to its checksum."""
    checksum = (zlib.crc32(kind + content) + crc) % 2**32
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


HEAD, DATA, END = chunk(b"IHDR", GREY), chunk(b"IDAT", zlib.compress(ROWS)), chunk(b"IEND")


def test_what_is_found() -> None:
    text, more = chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", b"more")
    file = SIGNATURE + HEAD + text + DATA + chunk(b"tIME", b"x", crc=1) + more + END + b"after the end"
    png = parse(file)
    assert png.header == Header(5, 3, 8, 0, 0, 0, 0) == read_header(file[:33])
    assert [file[start:end] for start, end in png.data] == [zlib.compress(ROWS), b"more"]
    assert png.kinds == [b"tEXt", b"tIME"]
    assert png.is_plain
    assert parse(memoryview(file)) == png


@pytest.mark.parametrize("kind", [b"tRNS"])
def test_transparency_is_not_plain(kind: bytes) -> None:
    assert not parse(SIGNATURE + HEAD + chunk(kind, b"\0\0") + DATA + END).is_plain


@pytest.mark.parametrize("fields", [(5, 3, 16, 0, 0, 0, 0), (5, 3, 8, 2, 0, 0, 0), (5, 3, 8, 0, 0, 0, 1)])
def test_other_pixels_are_not_plain(fields: tuple[int, ...]) -> None:
    assert not parse(SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", *fields)) + DATA + END).is_plain


REFUSED = {
    "nothing": b"",
    "another file": b"GIF89a" + bytes(60),
    "signature only": SIGNATURE,
    "no header": SIGNATURE + DATA + END,
    "header cut": SIGNATURE + HEAD[:-6],
    "no pixels": SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 3, 8, 0, 0, 0, 0)) + DATA + END,
    "long header": SIGNATURE + chunk(b"IHDR", GREY + b"\0") + DATA + END,
    "second header": SIGNATURE + HEAD + HEAD + DATA + END,
    "CRC of the header": SIGNATURE + chunk(b"IHDR", GREY, crc=1) + DATA + END,
    "CRC of the data": SIGNATURE + HEAD + chunk(b"IDAT", zlib.compress(ROWS), crc=1) + END,
    "CRC of the palette": SIGNATURE + HEAD + chunk(b"PLTE", bytes(3), crc=1) + DATA + END,
    "CRC of the end": SIGNATURE + HEAD + DATA + chunk(b"IEND", crc=1),
    "no data": SIGNATURE + HEAD + END,
    "no end": SIGNATURE + HEAD + DATA,
    "end cut": SIGNATURE + HEAD + DATA + END[:-1],
    "data cut": SIGNATURE + HEAD + DATA[:-20],
    "unknown critical chunk": SIGNATURE + HEAD + chunk(b"QQQQ") + DATA + END,
    "palette after the data": SIGNATURE + HEAD + DATA + chunk(b"PLTE", bytes(3)) + END,
    "a length beyond the file": SIGNATURE + HEAD + b"\xff\xff\xff\xff" + DATA[4:] + END,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(PngError):
        parse(REFUSED[name])


def test_every_byte_that_is_cut_or_changed_is_noticed() -> None:
    """Every byte of the file belongs to a CRC.

    It is covered by one or part of one, as no chunk may be skipped.
    """
    whole = encode(np.arange(15, dtype=np.uint8).reshape(3, 5))
    assert parse(whole)
    for place in range(len(whole)):
        with pytest.raises(PngError):
            parse(whole[:place])
        for bit in (1, 128):
            with pytest.raises(PngError):
                parse(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])


def test_chunks_are_written_as_the_format_says() -> None:
    assert write_chunk(b"IDAT", b"content") == chunk(b"IDAT", b"content")
    png = parse(with_rows(Header(5, 3, 8, 0, 0, 0, 0), ROWS))
    assert png.header == Header(5, 3, 8, 0, 0, 0, 0)
    file = with_rows(png.header, ROWS)
    [(start, end)] = png.data
    assert zlib.decompress(file[start:end]) == ROWS
