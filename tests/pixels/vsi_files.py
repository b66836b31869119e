"""Writes made-up Olympus VSI: the least that slideio takes.

Layout as slideio's driver reads it (https://github.com/Booritas/slideio, ``src/slideio/drivers/vsi``). Behind the
header of a TIFF is a tree of fields, each with its kind, tag, the place of the next, its size and an optional second
tag. An ``.ets`` has a header of 64 bytes, one of 228 on the pixels, the tiles, and their table.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import numpy.typing as npt

TILE = 64
_VOLUME, _SECOND, _INT, _RECTANGLE, _TEXT = 0x10000001, 0x08000000, 5, 259, 8192
_KINDS = {"uint8": 2, "uint16": 4}
Pixels = npt.NDArray[Any]


class Field(NamedTuple):
    tag: int
    kind: int
    data: bytes
    second: int | None = None


def numbers(tag: int, *values: int) -> Field:
    return Field(tag, _INT if len(values) == 1 else _RECTANGLE, struct.pack(f"<{len(values)}i", *values))


def text(tag: int, value: str) -> Field:
    return Field(tag, _TEXT, value.encode("utf-16-le") + b"\0\0")


def volume(tag: int, fields: Sequence[Field], second: int | None = None) -> Field:
    return Field(tag, _VOLUME, tree(fields), second)


def tree(fields: Sequence[Field]) -> bytes:
    out = struct.pack("<HHIqII", 24, 21321, 0x103, 24, len(fields), 0)
    for number, field in enumerate(fields):
        size = 16 + (field.second is not None) * 4 + len(field.data)
        after = 0 if number == len(fields) - 1 else len(out) + size
        kind = field.kind | (field.second is not None) * _SECOND
        out += struct.pack("<IiiI", kind, field.tag, after, len(field.data))
        out += b"" if field.second is None else struct.pack("<i", field.second)
        out += field.data
    return out


def jpeg(tile: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(tile, level=100))


def jpeg2000(tile: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(tile, reversible=True, level=0))


_CODINGS: dict[Callable[[Pixels], bytes] | None, int] = {None: 0, jpeg: 2, jpeg2000: 3}


def ets(pixels: Pixels, encode: Callable[[Pixels], bytes] | None = None) -> bytes:
    """Return the pixel file of (c, z, t, y, x).

    Or of colour, (c, z, t, y, x, 3).
    """
    height, width = pixels.shape[3:5]
    out, places = bytearray(64 + 228), []
    for c, z, t in np.ndindex(pixels.shape[:3]):
        for row, column in itertools.product(range(-(-height // TILE)), range(-(-width // TILE))):
            part = pixels[c, z, t, row * TILE :, column * TILE :][:TILE, :TILE]
            tile = np.zeros((TILE, TILE, *pixels.shape[5:]), pixels.dtype)
            tile[: part.shape[0], : part.shape[1]] = part
            content = tile.tobytes() if encode is None else encode(tile)
            at = (column, row, *([c] if pixels.ndim == 5 else []), z, t, 0)  # of colour there is no axis of channels
            places.append(struct.pack(f"<I{len(at)}iQII", 0, *at, len(out), len(content), 0))
            out += content
    table, samples = len(out), pixels.shape[5] if pixels.ndim == 6 else 1
    kind, coding = _KINDS[str(pixels.dtype)], _CODINGS[encode]
    axes = 6 if pixels.ndim == 5 else 5
    out[:64] = struct.pack("<4sIIIQIIQIIQII", b"SIS\0", 64, 2, axes, 64, 228, 0, table, len(places), 0, 0, 0, 0)
    head = (b"ETS\0", 0x30001, kind, samples, 1 if samples == 1 else 3, coding, 90, TILE, TILE, 1, *[0] * 47)
    out[64:292] = struct.pack("<4s56I", *head)
    return bytes(out + b"".join(places))


def _image(number: int, pixels: Pixels, kind: int) -> Field:
    height, width = pixels.shape[3:5]
    external = volume(2018, [numbers(2053, 0, 0, width, height), numbers(20005, 1)])
    channels = [volume(2008, [numbers(2023, 4), text(2419, f"channel {c}")], second=c) for c in range(pixels.shape[0])]
    axes = [
        *([channels] if pixels.ndim == 5 else []),
        [volume(2008, [numbers(2023, 1)], second=0)],
        [volume(2008, [numbers(2023, 2)], second=0)],
    ]
    fields = [volume(2005, [numbers(2074, kind), text(2030, f"image {number}")]), volume(2002, [external], second=0)]
    fields += [volume(2007, described, second=place) for place, described in enumerate(axes)]
    return volume(2001, fields, second=number)


def write_vsi(
    path: Path, images: Sequence[Pixels], encode: Callable[[Pixels], bytes] | None = None, overview: bool = False
) -> None:
    """Write a VSI of images (c, z, t, y, x).

    Optionally with an overview among them, whose kind is 1.
    """
    kinds = [*[0] * len(images), *([1] if overview else [])]
    shown = [*images, *([images[0][:1, :1, :1, :40, :50]] if overview else [])]
    for number, pixels in enumerate(shown, 1):
        file = path.parent / f"_{path.stem}_" / f"stack{number}" / "frame_t.ets"
        file.parent.mkdir(parents=True)
        file.write_bytes(ets(pixels, encode))
    fields = tree([volume(2000, [_image(n, *one) for n, one in enumerate(zip(shown, kinds, strict=True), 1)])])
    at, thumbnail = 8 + len(fields), bytes(range(64))
    tags = [(256, 3, 8), (257, 3, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, at), (277, 3, 1), (278, 3, 8)]
    tags.append((279, 4, 64))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in tags)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, at + 64) + fields + thumbnail + directory + bytes(4))
