"""Rows: bitmaps with and without a file header."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tests.pixels.made_up_files import dib
from tests.pixels.table import HEIGHT, WIDTH, Row, bits, grey, packed, samples


def rows() -> Iterator[Row]:
    yield from _bitmaps()
    yield from _dibs()


def bmp(
    rows_: list[bytes],
    width: int,
    height: int,
    depth: int,
    palette: bytes = b"",
    compression: int = 0,
    masks: bytes = b"",
    core: bool = False,
) -> bytes:
    """Return a bitmap of stored rows, each in its order.

    They are padded to four bytes here, unless they are run-length encoded.
    """
    body = b"".join(row.ljust(-(-len(row) // 4) * 4, b"\0") if compression not in (1, 2) else row for row in rows_)
    if core:
        header = struct.pack("<IHHHH", 12, width, height, 1, depth)
    else:
        colours = len(palette) // 4
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression, len(body), 0, 0, colours, 0)
    start = 14 + len(header) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + masks + palette + body


def _bitmaps() -> Iterator[Row]:
    pixels, colour = grey(), samples(3)
    bottom_up = [row.tobytes() for row in pixels[::-1]]
    ramp = b"".join(bytes([n, n, n, 0]) for n in range(256))
    yield Row("BMP grey", lambda: bmp(bottom_up, WIDTH, HEIGHT, 8, ramp), pixels)
    yield Row("BMP top down", lambda: bmp(bottom_up[::-1], WIDTH, -HEIGHT, 8, ramp), pixels)
    backward = b"".join(bytes([255 - n] * 3 + [0]) for n in range(256))
    yield Row(
        "BMP whose 0 is white",
        lambda: bmp(bottom_up, WIDTH, HEIGHT, 8, backward),
        np.repeat(255 - pixels[..., None], 3, 2),
    )
    core_ramp = b"".join(bytes([n, n, n]) for n in range(256))
    yield Row("BMP of OS/2", lambda: bmp(bottom_up, WIDTH, HEIGHT, 8, core_ramp, core=True), pixels)
    for depth in (1, 4):
        values = bits(depth)
        colours = np.random.default_rng(depth).integers(0, 256, (1 << depth, 4), dtype=np.uint8)
        colours[:, 3] = 0
        palette = colours.tobytes()
        stored = [packed(row[None], depth) for row in values[::-1]]
        yield Row(
            f"BMP of {depth} bits",
            lambda r=stored, d=depth, c=palette: bmp(r, WIDTH, HEIGHT, d, c),
            colours[values][..., 2::-1],
        )
    blue_first = [row[:, ::-1].tobytes() for row in colour[::-1]]
    yield Row("BMP of 24 bits", lambda: bmp(blue_first, WIDTH, HEIGHT, 24), colour)
    four = np.dstack([colour[..., ::-1], np.zeros(pixels.shape, np.uint8)])
    yield Row("BMP of 32 bits", lambda: bmp([row.tobytes() for row in four[::-1]], WIDTH, HEIGHT, 32), colour)
    masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
    yield Row(
        "BMP of 32 bits by masks",
        lambda: bmp([row.tobytes() for row in four[::-1]], WIDTH, HEIGHT, 32, masks=masks, compression=3),
        colour,
    )
    five = colour.astype(np.uint16) >> 3
    word = (five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]).astype("<u2")
    yield Row(
        "BMP of 16 bits",
        lambda: bmp([row.tobytes() for row in word[::-1]], WIDTH, HEIGHT, 16),
        (five * 255 // 31).astype(np.uint8),
        tolerance=1,
    )
    six = colour.astype(np.uint16) >> np.array([3, 2, 3], np.uint16)
    word565 = (six[..., 0] << 11 | six[..., 1] << 5 | six[..., 2]).astype("<u2")
    yield Row(
        "BMP of 16 bits by masks",
        lambda: bmp(
            [row.tobytes() for row in word565[::-1]],
            WIDTH,
            HEIGHT,
            16,
            masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F),
            compression=3,
        ),
        np.stack([six[..., 0] * 255 // 31, six[..., 1] * 255 // 63, six[..., 2] * 255 // 31], axis=2).astype(np.uint8),
        tolerance=1,
    )
    runs = [b"".join(bytes([1, n]) for n in row) + b"\0\0" for row in pixels[::-1]]
    yield Row("BMP run lengths", lambda: bmp([*runs, b"\0\1"], WIDTH, HEIGHT, 8, ramp, compression=1), pixels)
    literal = [b"\0" + bytes([WIDTH]) + row.tobytes() + b"\0\0" for row in pixels[::-1]]
    yield Row(
        "BMP run lengths, literal", lambda: bmp([*literal, b"\0\1"], WIDTH, HEIGHT, 8, ramp, compression=1), pixels
    )
    whole = bmp(bottom_up, WIDTH, HEIGHT, 8, ramp)
    for cut in (3, 60):  # two bytes fill up the last row
        yield Row(f"BMP cut by {cut}", lambda n=cut: whole[:-n], refused="bitmap")
    yield Row("BMP that holds a JPEG", lambda: bmp(bottom_up, WIDTH, HEIGHT, 8, ramp, compression=4), refused="bitmap")


def _dibs() -> Iterator[Row]:
    for dtype in ("uint8", "uint16"):
        pixels = grey(5, dtype)
        for bottom_up in (True, False):
            for extra in (0, 12):
                name = f"DIB {dtype}, {extra} bytes before the pixels, bottom_up={bottom_up}"
                data = dib(pixels, extra, bottom_up)
                yield Row(name, lambda d=data: d, pixels)
                yield Row(f"{name}, cut", lambda d=data: d[:-40], refused="DIB|cannot hold")
            for more in (1, 30, 2000):
                data = dib(pixels, 12, bottom_up) + b"\x07" * more
                yield Row(
                    f"DIB {dtype}, bottom_up={bottom_up}, {more} bytes after the pixels", lambda d=data: d, pixels
                )
    plain = dib(grey(5, "uint16"), 0)
    yield Row("DIB whose pixels begin nobody knows where", lambda: plain + b"\x07" * 50, refused="where those begin")
    head, body = dib(grey(), 0)[:40], dib(grey(), 0)[40:]
    ramp = b"".join(bytes([n, n, n, 0]) for n in range(255, -1, -1))
    yield Row("DIB with a palette whose 0 is white", lambda: head + ramp + body, 255 - grey())
    colours = np.random.default_rng(1).integers(0, 256, (256, 4), dtype=np.uint8)
    colours[:, 3] = 0
    yield Row("DIB with a palette", lambda: head + colours.tobytes() + body, colours[grey()][..., 2::-1])
