"""Writes TIFFs tag by tag, as no library would.

Wrong tags as well.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 12: "d", 13: "I", 16: "Q"}
Value = tuple[int, Sequence[Any]]  # type of field, values


@dataclasses.dataclass(frozen=True)
class Image:
    """One directory of a TIFF.

    Its tags, its strips or tiles, and directories below it (tag 330).

    ``tags`` override what is derived from the strips; None leaves a tag out. A segment that is None is sparse.
    """

    tags: Mapping[int, Value | int | Sequence[int] | bytes | None]
    segments: Sequence[bytes | None]
    below: Sequence[Image] = ()
    tiled: bool = False


def image(pixels: np.ndarray, order: str = "<", rows: int | None = None, **tags: Any) -> Image:
    """Return a page of pixels, stored in strips of ``rows``.

    Pixels are (H, W) or (H, W, S), stored as they are; tags are given as ``t262=0``.
    """
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    rows = rows or height
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    strips = [stored[y : y + rows].tobytes() for y in range(0, height, rows)]
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    found = {
        256: width,
        257: height,
        258: [8 * pixels.itemsize] * samples,
        259: 1,
        262: 2 if samples == 3 else 1,
        277: samples,
        278: rows,
        339: [kind] * samples,
        **numbered(tags),
    }
    return Image(found, strips)


def numbered(tags: Mapping[str, Any]) -> dict[int, Any]:
    """``t262=0`` as {262: 0}."""
    return {int(name[1:]): value for name, value in tags.items()}


def tiff(*images: Image, order: str = "<", big: bool = False, last: int = 0, after: bytes = b"") -> bytes:
    """Return a file of these images.

    Data first, then directories; ``last`` is the last pointer, ``after`` what follows.
    """
    out = bytearray(16 if big else 8)
    pointers = [_write(out, one, order, big) for one in images]
    out += after
    mark = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42)
    number = f"{order}{'Q' if big else 'I'}"
    first = pointers[0][0]
    out[: 16 if big else 8] = mark + (struct.pack(f"{order}HHQ", 8, 0, first) if big else struct.pack(number, first))
    for (_, at), (after_it, _) in zip(pointers, [*pointers[1:], (last, 0)], strict=True):
        struct.pack_into(number, out, at, after_it)
    return bytes(out)


def _write(out: bytearray, one: Image, order: str, big: bool) -> tuple[int, int]:
    """Append an image; return where its directory is.

    Returns the place of its pointer to the next one, too.
    """
    below = [_write(out, inner, order, big)[0] for inner in one.below]
    offsets, counts = [], []
    for segment in one.segments:
        if len(out) % 2:
            out += b"\0"
        offsets.append(0 if segment is None else len(out))
        counts.append(0 if segment is None else len(segment))
        out += segment or b""
    tags: dict[int, Any] = {}
    if one.segments:
        tags.update({324 if one.tiled else 273: offsets, 325 if one.tiled else 279: counts})
    if below:
        tags[330] = (13, below)
    for tag, value in one.tags.items():
        tags[tag] = value(offsets, counts) if callable(value) else value
    entries = [(tag, *_field(value)) for tag, value in sorted(tags.items()) if value is not None]
    packed = []
    for tag, field, values, count in entries:
        code = order + _CODES[field] * len(values) if field != 5 else order + "I" * len(values)
        data = struct.pack(code, *values)
        if len(data) > (8 if big else 4):
            if len(out) % 2:
                out += b"\0"
            place = len(out)
            out += data
            data = struct.pack(f"{order}{'Q' if big else 'I'}", place)
        head = struct.pack(f"{order}HHQ" if big else f"{order}HHI", tag, field, count)
        packed.append(head + data.ljust(8 if big else 4, b"\0"))
    if len(out) % 2:
        out += b"\0"
    start = len(out)
    out += struct.pack(f"{order}{'Q' if big else 'H'}", len(entries)) + b"".join(packed)
    pointer = len(out)
    out += bytes(8 if big else 4)
    return start, pointer


def _field(value: Any) -> tuple[int, Sequence[Any], int]:
    """Return type, values and count of a tag.

    It is given as a number, numbers, bytes, (type, values) or (type, values, count).
    """
    if isinstance(value, int):
        return (3 if value < 1 << 16 else 4), [value], 1
    if isinstance(value, bytes):
        return 2, list(value + b"\0"), len(value) + 1
    if isinstance(value, tuple):
        field, values, *count = value
        return field, values, count[0] if count else len(values) // (2 if field == 5 else 1)
    values = list(value)
    return (3 if max(values) < 1 << 16 else 4), values, len(values)
