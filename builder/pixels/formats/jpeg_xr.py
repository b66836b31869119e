"""Consistency check of JPEG XR headers before decoding.

The decoder writes beyond its memory where container and codestream disagree on the pixels. The container's pixel format
decides how much memory there is, the codestream's header how much is written. Layout: ITU-T T.832, 8.3 (codestream) and
annex A (container); the pixel formats are those of table A.6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

MOST_TAGS: Final = 100
_MOST_HEADER: Final = 1 << 15  # bytes: of 2 x 4095 tiles, and what comes before and after
_FORMAT, _WIDTH, _HEIGHT, _IMAGE, _ALPHA = 0xBC01, 0xBC80, 0xBC81, 0xBCC0, 0xBCC2
_KNOWN_ONCE: Final = (_FORMAT, 0xBC02, _WIDTH, _HEIGHT, _IMAGE, 0xBCC1, _ALPHA, 0xBCC3)
_GREY, _CHANNELS, _COLOUR = 0, 6, 7  # OUTPUT_CLR_FMT
_INTERNAL: Final = {_GREY: (0,), _CHANNELS: (6,), _COLOUR: (1, 2, 3)}  # INTERNAL_CLR_FMT; of colours also subsampled
_DEPTHS: Final = {0: "?", 1: "u1", 2: "u2", 4: "f2", 7: "f4"}  # OUTPUT_BITDEPTH


class PixelFormat(NamedTuple):
    """Properties that a pixel format promises.

    OUTPUT_CLR_FMT, OUTPUT_BITDEPTH, samples, and whether the last is opacity.
    """

    colour: int
    depth: int
    samples: int
    alpha: bool = False


_FAMILY: Final = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc9")
_IN_FAMILY: Final = {
    0x05: PixelFormat(_GREY, 0, 1),
    0x08: PixelFormat(_GREY, 1, 1),
    0x0B: PixelFormat(_GREY, 2, 1),
    0x3E: PixelFormat(_GREY, 4, 1),
    0x11: PixelFormat(_GREY, 7, 1),
    0x0C: PixelFormat(_COLOUR, 1, 3),  # blue first, which means nothing to a codestream
    0x0D: PixelFormat(_COLOUR, 1, 3),
    0x15: PixelFormat(_COLOUR, 2, 3),
    0x3B: PixelFormat(_COLOUR, 4, 3),
    0x16: PixelFormat(_COLOUR, 2, 4, alpha=True),
    0x3A: PixelFormat(_COLOUR, 4, 4, alpha=True),
    0x19: PixelFormat(_COLOUR, 7, 4, alpha=True),
    0x20: PixelFormat(_CHANNELS, 1, 3),
    0x26: PixelFormat(_CHANNELS, 2, 3),
    0x2E: PixelFormat(_CHANNELS, 1, 4),
    0x34: PixelFormat(_CHANNELS, 2, 4),
}
_FORMATS: Final[Mapping[bytes, PixelFormat]] = {
    **{_FAMILY + bytes([last]): facts for last, facts in _IN_FAMILY.items()},
    bytes.fromhex("2dadc7f58d6add43a7a8a29935261ae9"): PixelFormat(_COLOUR, 1, 4, alpha=True),
    bytes.fromhex("8fd7fee3dbe8cf4a84c1e97f6136b327"): PixelFormat(_COLOUR, 7, 3),
}


class Header(NamedTuple):
    """What a JPEG XR gives when it is decoded."""

    width: int
    height: int
    samples: int
    kind: np.dtype[Any]


def header(data: bytes) -> Header:
    """Return what a JPEG XR gives, if consistent.

    Raises
    ------
    ValueError, IndexError, struct.error
        Where it does not, is turned, or has very many tags: its decoder prints a line for each unknown one.
    """
    tags = _tags(data)
    pixels = _FORMATS.get(data[tags[_FORMAT] : tags[_FORMAT] + 16])
    if pixels is None:
        raise ValueError("has a pixel format that is not read")
    if tags.get(0xBC02, 0):
        raise ValueError("is turned")
    size = tags[_WIDTH], tags[_HEIGHT]
    colours = pixels.samples - pixels.alpha
    _check_codestream(data, tags[_IMAGE], size, pixels.colour, pixels.depth, colours)
    if (_ALPHA in tags) != pixels.alpha:
        raise ValueError("has opacity where its pixel format has none, or none where it has")
    if pixels.alpha:
        _check_codestream(data, tags[_ALPHA], size, _GREY, pixels.depth, 1)
    return Header(*size, pixels.samples, np.dtype(_DEPTHS[pixels.depth]))


def _tags(data: bytes) -> dict[int, int]:
    """Return the container directory's tags and their values.

    A value may be where the value lies instead.
    """
    if not data.startswith(b"II\xbc\x01"):
        raise ValueError("does not begin as one")
    (position,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, position)
    if count > MOST_TAGS:
        raise ValueError(f"has {count} tags")
    entries = [struct.unpack_from("<HHII", data, position + 2 + 12 * number) for number in range(count)]
    counted = [tag for tag, *_ in entries if tag in _KNOWN_ONCE]
    if len(set(counted)) != len(counted) or not {_FORMAT, _WIDTH, _HEIGHT, _IMAGE} <= {*counted}:
        raise ValueError("lacks a tag, or has one twice")
    if any(kind != 4 or values != 1 for tag, kind, values, _ in entries if tag in _KNOWN_ONCE and tag != _FORMAT):
        raise ValueError("has a tag of another type")
    return {tag: value for tag, _, _, value in entries}


def _check_codestream(data: bytes, position: int, size: tuple[int, int], colour: int, depth: int, samples: int) -> None:
    """Raise ValueError where a codestream's header says anything else."""
    if data[position : position + 8] != b"WMPHOTO\0":
        raise ValueError("has no codestream where it says")
    bits = _Bits(data[position + 8 : position + 8 + _MOST_HEADER])
    bits.take(8)
    tiled, _, turned, _, _ = (bits.take(count) for count in (1, 1, 3, 1, 2))
    short, _, windowed, _, _, _, _, _ = (bits.take(1) for _ in range(8))
    if turned:
        raise ValueError("is turned")
    if (bits.take(4), bits.take(4)) != (colour, depth):
        raise ValueError("has a codestream of other samples than its pixel format")
    width, height = (bits.take(16 if short else 32) + 1 for _ in range(2))
    if (width, height) != size:
        raise ValueError(f"has a codestream of {width} x {height} pixels, and says {size[0]} x {size[1]}")
    if tiled:
        across, down = bits.take(12), bits.take(12)
        for _ in range(across + down):
            bits.take(8 if short else 16)
    if windowed:
        bits.take(24)
    inside = bits.take(3)
    bits.take(5)
    if inside not in _INTERNAL[colour] or (colour == _CHANNELS and bits.take(4) + 1 != samples):
        raise ValueError("has a codestream of other samples inside than outside")


class _Bits:
    """Reads numbers bit by bit, the highest first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        """Return the next number of so many bits.

        Raises
        ------
        IndexError
            Where the data end before.
        """
        end = self._at + count
        if end > 8 * len(self._data):
            raise IndexError("its header was cut")
        span = self._data[self._at // 8 : (end + 7) // 8]
        number = int.from_bytes(span, "big") >> (-end % 8) & ((1 << count) - 1)
        self._at = end
        return number
