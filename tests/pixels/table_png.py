"""Rows: PNG of every kind, and damaged ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image as PillowImage

from tests.pixels.made_up_files import pillow
from tests.pixels.table import HEIGHT, SEEN, WIDTH, Row, bits, grey, packed, samples


def rows() -> Iterator[Row]:
    yield from _pngs()


def chunk(kind: bytes, body: bytes, wrong: bool = False) -> bytes:
    crc = zlib.crc32(kind + body) ^ wrong
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png(pixels: np.ndarray, depth: int, colour: int, *more: bytes, wrong: str = "") -> bytes:
    """Return a PNG without filters.

    Pixels are (H, W) or (H, W, samples), of ``depth`` bits; ``more`` are chunks before the pixels.
    """
    height, width = pixels.shape[:2]
    flat = pixels.reshape(height, -1)
    body = packed(flat, depth) if depth < 16 else flat.astype(">u2").tobytes()
    stride = len(body) // height
    raw = b"".join(b"\0" + body[y * stride : (y + 1) * stride] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header, wrong == "IHDR"),
            *more,
            chunk(b"IDAT", zlib.compress(raw), wrong == "IDAT"),
            chunk(b"IEND", b"", wrong == "IEND"),
        )
    )


def _pngs() -> Iterator[Row]:
    for depth in (1, 2, 4, 8, 16):
        pixels = bits(depth)
        scale = 255 // ((1 << depth) - 1) if depth < 8 else 1
        yield Row(f"PNG of {depth} bits", lambda p=pixels, d=depth: png(p, d, 0), (pixels * scale).astype(pixels.dtype))
        if depth <= 8:
            colours = np.random.default_rng(depth).integers(0, 256, (1 << depth, 3), dtype=np.uint8)
            palette = chunk(b"PLTE", colours.tobytes())
            yield Row(
                f"PNG palette of {depth} bits", lambda p=pixels, d=depth, c=palette: png(p, d, 3, c), colours[pixels]
            )
            clear = chunk(b"tRNS", bytes(range(100, 100 + min(100, 1 << depth))))
            opacity = np.full(1 << depth, 255, np.uint8)
            opacity[: min(100, 1 << depth)] = np.arange(100, 100 + min(100, 1 << depth))
            both = np.dstack([colours[pixels], opacity[pixels]])
            yield Row(
                f"PNG palette of {depth} bits with opacity",
                lambda p=pixels, d=depth, c=palette + clear: png(p, d, 3, c),
                both,
            )
    for dtype in ("uint8", "uint16"):
        depth = int(dtype[4:])
        for colour, count in ((0, 1), (4, 2), (2, 3), (6, 4)):
            pixels = np.random.default_rng(count).integers(0, 1 << depth, (HEIGHT, WIDTH, count)).astype(dtype)
            wanted = pixels[..., 0] if count < 3 else pixels
            yield Row(f"PNG colour type {colour} {dtype}", lambda p=pixels, d=depth, c=colour: png(p, d, c), wanted)
    for number, seen in SEEN.items():
        exif = PillowImage.Exif()
        exif[274] = number
        data = pillow(PillowImage.fromarray(grey()), "PNG", exif=exif)
        yield Row(f"PNG of orientation {number}, as stored", lambda d=data: d, grey())
        yield Row(f"PNG of orientation {number}, as seen", lambda d=data: d, seen(grey()), oriented=True)
    gamma, text = chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"tEXt", b"Title\0cells")
    yield Row("PNG with a gamma", lambda: png(grey(), 8, 0, gamma), grey())
    yield Row("PNG with text whose CRC is wrong", lambda: png(grey(), 8, 0, chunk(b"tEXt", b"a\0b", True)), grey())
    yield Row("PNG with text", lambda: png(grey(), 8, 0, text), grey())
    for name in ("IHDR", "IDAT", "IEND"):
        for depth, pixels in ((8, grey()), (16, grey(1, "uint16")), (4, bits(4))):
            yield Row(
                f"PNG of {depth} bits whose {name} has a wrong CRC",
                lambda n=name, d=depth, p=pixels: png(p, d, 0, wrong=n),
                refused="unreadable",
            )
    colours = chunk(b"PLTE", bytes(range(48)), True)
    yield Row("PNG palette whose CRC is wrong", lambda: png(bits(4), 4, 3, colours), refused="unreadable")
    yield Row(
        "PNG with a chunk that nobody knows", lambda: png(grey(), 8, 0, chunk(b"ABCD", b"x")), refused="unreadable"
    )
    whole = png(grey(), 8, 0)
    for cut in (1, 13, 60):
        yield Row(f"PNG cut by {cut}", lambda n=cut: whole[:-n], refused="unreadable")
    yield Row("PNG with bytes after its end", lambda: whole + b"noise" * 40, grey())
    for kind, pixels in (("grey", grey()), ("16 bits", grey(1, "uint16")), ("rgb", samples(3))):
        data = interlaced(pixels)
        yield Row(f"PNG interlaced, {kind}", lambda d=data: d, pixels)


def interlaced(pixels: np.ndarray) -> bytes:
    """Adam7 (PNG, section 8.2), without filters."""
    depth, colour = 8 * pixels.itemsize, 2 if pixels.ndim == 3 else 0
    height, width = pixels.shape[:2]
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    raw = b""
    for y, x, down, across in steps:
        part = pixels[y::down, x::across]
        part = part.astype(">u2") if depth == 16 else part
        raw += b"".join(b"\0" + row.tobytes() for row in part if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
