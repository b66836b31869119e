"""Rows: JPEG, PNG, bitmaps, DIB, DeltaVision, and files of kinds that are not read."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image as PillowImage

from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE
from tests.pixels.made_up_files import deltavision, dib, pillow
from tests.pixels.table import HEIGHT, SEEN, WIDTH, Row, bits, grey, packed, samples


def rows() -> Iterator[Row]:
    yield from _jpegs()
    yield from _cut_jpegs()
    yield from _pngs()
    yield from _bitmaps()
    yield from _dibs()
    yield from _stacks()
    yield from _not_read()


def smooth(count: int = 1) -> np.ndarray:
    """Pixels that any JPEG keeps within a few levels."""
    y, x = np.mgrid[:40, :56]
    field = 120 + 80 * np.sin(x / 17) * np.cos(y / 13)
    return field.astype(np.uint8) if count == 1 else np.stack([field, 255 - field, field / 2], axis=2).astype(np.uint8)


def _jpegs() -> Iterator[Row]:
    one, three = smooth(), smooth(3)
    for name, options in (
        ("baseline", {}),
        ("progressive", {"progressive": True}),
        ("optimised", {"optimize": True}),
        ("with restarts", {"restart_marker_blocks": 3}),
    ):
        yield Row(
            f"JPEG {name}",
            lambda o=options: pillow(PillowImage.fromarray(one), "JPEG", quality=97, **o),
            one,
            tolerance=1,
        )
        for subsampling in (0, 1, 2):
            yield Row(
                f"JPEG {name} colour {subsampling}",
                lambda o=options, s=subsampling: pillow(
                    PillowImage.fromarray(three), "JPEG", quality=97, subsampling=s, **o
                ),
                three,
                tolerance=2,
            )
    yield Row(
        "JPEG CMYK",
        lambda: pillow(PillowImage.fromarray(three).convert("CMYK"), "JPEG", quality=97),
        three,
        tolerance=4,
    )
    yield Row(
        "JPEG RGB, as Adobe says",
        lambda: pillow(PillowImage.fromarray(three), "JPEG", quality=97, keep_rgb=True),
        three,
        tolerance=1,
    )
    deep = (bits(12) // 64 * 64).astype(np.uint16)
    deep[:] = np.linspace(0, 4095, WIDTH).astype(np.uint16)
    yield Row("JPEG of 12 bits", lambda: imagecodecs.jpeg8_encode(deep, 99, bitspersample=12), deep, tolerance=8)
    deep_colour = np.stack([deep, deep[:, ::-1], deep // 2], axis=2)
    yield Row(
        "JPEG of 12 bits, colour",
        lambda: imagecodecs.jpeg8_encode(deep_colour, 99, bitspersample=12, subsampling="444"),
        deep_colour,
        tolerance=20,
    )
    for count in (8, 10, 12, 14, 16):
        pixels = bits(count)
        yield Row(
            f"lossless JPEG file of {count} bits",
            lambda p=pixels, n=count: imagecodecs.ljpeg_encode(p, bitspersample=n),
            pixels,
        )
        yield Row(f"JPEG-LS of {count} bits", lambda p=pixels: imagecodecs.jpegls_encode(p), pixels)
    for predictor in range(1, 8):
        yield Row(
            f"lossless JPEG, predictor {predictor}",
            lambda n=predictor: imagecodecs.jpeg8_encode(grey(), lossless=True, predictor=n),
            grey(),
        )
    yield Row("lossless JPEG by libjpeg, 16 bits", lambda: imagecodecs.jpeg8_encode(bits(16), lossless=True), bits(16))
    yield Row("JPEG-LS of colour", lambda: imagecodecs.jpegls_encode(samples(3)), samples(3))
    yield Row("JPEG-LS, nearly", lambda: imagecodecs.jpegls_encode(grey(), level=2), grey(), tolerance=2)
    base = pillow(PillowImage.fromarray(one), "JPEG")
    for frame, name in ((0xC5, "hierarchical"), (0xCB, "lossless, arithmetic"), (0xCF, "hierarchical lossless")):
        other = base.replace(b"\xff\xc0", bytes([0xFF, frame]), 1)
        yield Row(f"JPEG of frame {frame:#x}", lambda d=other: d, refused=name)
    yield Row(
        "JPEG of two frames",
        lambda: base.replace(b"\xff\xc4", base[base.index(b"\xff\xc0") :][:13] + b"\xff\xc4", 1),
        refused="several frames",
    )
    yield Row("JPEG without a frame", lambda: b"\xff\xd8\xff\xd9" + bytes(20), refused="without a frame")
    yield Row("JPEG with bytes after its end", lambda: base + b"noise" * 50, as_pillow(base))


def as_pillow(data: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(io.BytesIO(data)))


def _cut_jpegs() -> Iterator[Row]:
    noisy = np.random.default_rng(3).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    for name, options in (
        ("baseline", {}),
        ("progressive", {"progressive": True}),
        ("with restarts", {"restart_marker_blocks": 2}),
    ):
        for kind, pixels in (("grey", noisy[..., 0]), ("colour", noisy), ("smooth", smooth(3))):
            whole = pillow(PillowImage.fromarray(pixels), "JPEG", quality=90, **options)
            wanted = as_pillow(whole)
            label = f"JPEG {name} {kind}"
            yield Row(f"{label} without its end marker", lambda w=whole: w[:-2], wanted)
            yield Row(f"{label} without half of its end marker", lambda w=whole: w[:-1], wanted)
            for cut in (8, 60, len(whole) // 3):
                yield Row(f"{label} cut by {cut}", lambda w=whole, n=cut: w[:-n], refused="JPEG")
            yield Row(
                f"{label} cut by a quarter, then ended", lambda w=whole: w[: -len(w) // 4] + b"\xff\xd9", refused="JPEG"
            )
            yield Row(
                f"{label} that ends in zeros", lambda w=whole: w[: -len(w) // 3] + bytes(len(w) // 3), refused="JPEG"
            )
    flat = pillow(PillowImage.fromarray(np.full((40, 56), 77, np.uint8)), "JPEG")
    yield Row("JPEG of one grey", lambda: flat, np.full((40, 56), 77, np.uint8))
    lossless = bytes(imagecodecs.ljpeg_encode(bits(12), bitspersample=12))
    yield Row("lossless JPEG that was cut", lambda: lossless[:-100], refused="JPEG")
    for cut in (50, 300):
        for name, whole in (("lossless JPEG", lossless), ("JPEG-LS", bytes(imagecodecs.jpegls_encode(bits(12))))):
            data = whole[:-cut] + b"\xff\xd9"
            yield Row(f"{name} cut by {cut}, then ended", lambda d=data: d, refused="(?i)jpeg")
    yield Row("JPEG-LS that was cut", lambda: bytes(imagecodecs.jpegls_encode(bits(12)))[:-100], refused="JPEG")


def chunk(kind: bytes, body: bytes, wrong: bool = False) -> bytes:
    crc = zlib.crc32(kind + body) ^ wrong
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png(pixels: np.ndarray, depth: int, colour: int, *more: bytes, wrong: str = "") -> bytes:
    """A PNG without filters: (H, W) or (H, W, samples), of ``depth`` bits; ``more`` are chunks before the pixels."""
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
    """A bitmap of stored rows (each already in its order, padded to four bytes here unless run lengths)."""
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


def _stacks() -> Iterator[Row]:
    for order in "<>":
        for dtype in ("uint8", "int16", "uint16", "float32"):
            stack = np.stack([grey(seed, dtype) for seed in range(4)])
            for extended in (0, 128, 4096):
                data = deltavision(stack, order, extended)
                name = f"DeltaVision {order} {dtype} {extended}"
                for plane, wanted in (
                    (0, stack[0]),
                    (3, stack[3]),
                    (MIDDLE_PLANE, stack[2]),
                    (MAX_PROJECTION, stack.max(axis=0)),
                ):
                    yield Row(f"{name}, plane {plane}", lambda d=data: d, wanted, plane=plane)
        size = HEIGHT * WIDTH * 2
        cut = deltavision(np.stack([grey(seed, "uint16") for seed in range(4)]), order)[: 1024 + 128 + 3 * size + 7]
        for plane in (0, 2, MIDDLE_PLANE):
            yield Row(
                f"DeltaVision {order} cut in its last plane, plane {plane}",
                lambda d=cut: d,
                grey(2 if plane else 0, "uint16"),
                plane=plane,
            )
        for plane in (3, MAX_PROJECTION):
            yield Row(
                f"DeltaVision {order} cut in its last plane, plane {plane}",
                lambda d=cut: d,
                refused="plane 3 of 4 ends",
                plane=plane,
            )
    missing = np.stack([grey(seed, "float32") for seed in range(2)])
    missing[0, :4], missing[1, 2:6] = np.nan, np.nan
    wanted = np.where(np.isnan(missing[0]), missing[1], np.where(np.isnan(missing[1]), missing[0], missing.max(axis=0)))
    yield Row("DeltaVision floats, some missing, largest", lambda: deltavision(missing), wanted, plane=MAX_PROJECTION)
    data = bytearray(deltavision(grey(1, "uint16")[None]))
    struct.pack_into("<i", data, 12, 4)
    yield Row("DeltaVision of complex numbers", lambda: bytes(data), refused="mode 4")


def _not_read() -> Iterator[Row]:
    image = PillowImage.fromarray(grey())
    frames = {"save_all": True, "append_images": [image.rotate(90), image]}
    for name, data in (
        ("GIF", pillow(image, "GIF")),
        ("GIF", pillow(image, "GIF", **frames)),
        ("JPEG 2000", bytes(imagecodecs.jpeg2k_encode(grey(), codecformat="jp2"))),
        ("JPEG 2000", bytes(imagecodecs.jpeg2k_encode(grey(), codecformat="j2k"))),
        ("gzip", gzip.compress(b"x" * 99)),
        ("no known image", b"RIFF....WEBPVP8L" + bytes(40)),
        ("no known image", b""),
        ("no known image", bytes(300)),
    ):
        yield Row(f"{name}, {len(data)} bytes", lambda d=data: d, refused=name)
