"""Stated size of coded pixels, from their first bytes.

Nothing may be decoded before it is known. A decoder makes room for what the data say. So a strip of 200 bytes that says
65,536 x 65,536 takes 4 GB, however small the directory says that it is.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from cytoimagenet_reader.png.chunks import read_header

Size = tuple[int, int, int]  # width, height, samples at least (0 where a codec can have four at most)

_XL_RATIOS: Final = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def jpeg_2000(data: bytes) -> Iterator[Size]:
    """Yield a codestream's size from its SIZ.

    Alone or in boxes (ITU-T T.800, A.5.1).
    """
    position = 0 if data.startswith(b"\xff\x4f") else _box(data, {b"jp2c": 0})
    if data[position + 2 : position + 4] != b"\xff\x51":
        raise ValueError("does not begin with its size")
    if b"pclr" in data[:position]:
        raise ValueError("has a palette")
    right, bottom, left, top = struct.unpack_from(">4I", data, position + 8)
    (components,) = struct.unpack_from(">H", data, position + 40)
    yield right - left, bottom - top, components


def png(data: bytes) -> Iterator[Size]:
    """Yield the size in a PNG's header (https://www.w3.org/TR/png-3/#11IHDR)."""
    header = read_header(data)
    yield header.width, header.height, 0


def webp(data: bytes) -> Iterator[Size]:
    """Yield the size of every sized WebP chunk (RFC 9649)."""
    position = 12
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 18]
        if kind == b"VP8X":
            yield 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"), 0
        elif kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            yield 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), 0
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            yield width & 0x3FFF, height & 0x3FFF, 0
        position += 8 + size + size % 2


def lerc(data: bytes) -> Iterator[Size]:
    """Yield the size in the header of a LERC blob.

    Either kind is read (https://github.com/Esri/lerc).

    Raises
    ------
    ValueError
        Where another blob follows: another band, which no strip has.
    """
    if data.startswith(b"CntZImage "):
        height, width = struct.unpack_from("<2i", data, 18)
        samples, following = 1, data.find(b"CntZImage ", 1)
    else:
        (version,) = struct.unpack_from("<i", data, 6)
        position = 14 if version >= 3 else 10
        height, width = struct.unpack_from("<2i", data, position)
        samples = struct.unpack_from("<i", data, position + 8)[0] if version >= 4 else 1
        following = data.find(b"Lerc2 ", 1)
    if following > 0:
        raise ValueError("has more than one band")
    yield width, height, samples


def jpeg_xl(data: bytes) -> Iterator[Size]:
    """Yield the size in a JPEG XL codestream's header.

    Alone or in boxes (ISO/IEC 18181-1, D.2).
    """
    start = 0 if data.startswith(b"\xff\x0a") else _box(data, {b"jxlc": 0, b"jxlp": 4})
    if data[start : start + 2] != b"\xff\x0a":
        raise ValueError("does not begin with its size")
    bits = _bits(data[start + 2 : start + 34])
    small = next(bits, 0)
    height = _xl_side(bits, small)
    ratio = _number(bits, 3)
    over, under = _XL_RATIOS.get(ratio, (1, 1))
    width = _xl_side(bits, small) if ratio == 0 else height * over // under
    yield width, height, 1 + _xl_extra_channels(bits)


def _xl_extra_channels(bits: Iterator[int]) -> int:
    """Return the count of non-colour channels, from ImageMetadata (D.3).

    Raises
    ------
    ValueError
        Where it is turned, has a preview or another size to be shown in, or is an animation: of how many frames is
        written nowhere.
    """
    if next(bits, 1):  # all as usual
        return 0
    if next(bits, 1) and (_number(bits, 3) or any(next(bits, 1) for _ in range(3))):
        raise ValueError("is turned, an animation or a preview")
    floats = next(bits, 1)
    if _number(bits, 2) == 3:
        _number(bits, 6)
    _number(bits, 5 if floats else 1)  # bits of the exponent; whether 16 bits are enough
    kind = _number(bits, 2)
    if kind < 2:
        return kind
    return 2 + _number(bits, 4) if kind == 2 else 1 + _number(bits, 12)


def _box(data: bytes, kinds: Mapping[bytes, int]) -> int:
    """Return where the first such box's content begins.

    ``kinds`` says how many bytes of the content to leave out (ISO/IEC 14496-12).

    Raises
    ------
    ValueError
        Where there is none.
    """
    position = 0
    while position + 16 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        if kind in kinds:
            return position + head + kinds[kind]
        if size < head:
            break
        position += size
    raise ValueError("has no image")


def _xl_side(bits: Iterator[int], small: int) -> int:
    if small:
        return 8 * (1 + _number(bits, 5))
    return 1 + _number(bits, (9, 13, 18, 30)[_number(bits, 2)])


def _bits(data: bytes) -> Iterator[int]:
    """Yield the bits of bytes, the lowest of each first."""
    return (byte >> place & 1 for byte in data for place in range(8))


def _number(bits: Iterator[int], count: int) -> int:
    return sum(bit << place for place, bit in enumerate(itertools.islice(bits, count)))
