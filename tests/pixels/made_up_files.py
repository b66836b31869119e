"""Made-up image files of every kind the sources hold.

Each comes with the pixels that it must give.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

HEIGHT, WIDTH = 37, 45


def made_up(seed: int, dtype: str = "uint8", shape: tuple[int, ...] = (HEIGHT, WIDTH)) -> np.ndarray:
    """Return a smooth field with noise.

    It covers most of the type's range (of 12 bits for 16-bit types).
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    field = 0.5 + 0.4 * np.sin(x / 7 + seed) * np.cos(y / 5)
    if len(shape) == 3:
        field = field[..., None] * np.linspace(0.5, 1, shape[2])
    field = np.clip(field + rng.normal(0, 0.03, shape), 0, 1)
    top = {"uint8": 255, "uint16": 4095, "int16": 4095, "uint32": 100_000, "float32": 1, "float64": 1}[dtype]
    return (field * top).astype(dtype)


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def pillow(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def deltavision(sections: np.ndarray, order: str = "<", extended: int = 128) -> bytes:
    """Return a DeltaVision file of sections (N, H, W).

    They are int16, uint16 or float32.
    """
    mode = {"int16": 1, "float32": 2, "uint16": 6, "uint8": 0}[sections.dtype.name]
    header = bytearray(1024)
    count, height, width = sections.shape
    struct.pack_into(f"{order}4i", header, 0, width, height, count, mode)
    struct.pack_into(f"{order}i", header, 92, extended)
    struct.pack_into(f"{order}h", header, 96, -16224)
    body = sections.astype(sections.dtype.newbyteorder(order)).tobytes()
    return bytes(header) + bytes(extended) + body


def dib(pixels: np.ndarray, extra: int = 12, bottom_up: bool = True) -> bytes:
    """Return a bitmap without a file header, as in bbbc017.

    40 bytes, some more, 16-bit rows.
    """
    height, width = pixels.shape
    bits = 8 * pixels.itemsize
    header = struct.pack("<IiiHHI20x", 40, width, height if bottom_up else -height, 1, bits, 0)
    stride = -(-width * bits // 32) * 4
    rows = np.zeros((height, stride), np.uint8)
    rows[:, : width * pixels.itemsize] = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    return header + bytes(extra) + (rows[::-1] if bottom_up else rows).tobytes()


def one_bit_tiff(bits: np.ndarray, photometric: int) -> bytes:
    """Return a bilevel TIFF of one strip.

    Rows are padded to bytes. tifffile cannot write one with 0 as white.
    """
    height, width = bits.shape
    body = np.packbits(bits, axis=1).tobytes()
    tags = [
        (256, width),
        (257, height),
        (258, 1),
        (259, 1),
        (262, photometric),
        (273, 0),
        (278, height),
        (279, len(body)),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + body


def files() -> Iterator[tuple[str, bytes, np.ndarray]]:
    """Yield (name, file, pixels of its first plane)."""
    yield from _tiffs()
    yield from _pngs()
    yield from _bitmaps()
    for order in "<>":
        for dtype in ("int16", "uint16", "float32"):
            sections = np.stack([made_up(seed, dtype) for seed in range(3)])
            yield f"dv {order} {dtype}", deltavision(sections, order), sections[0]
    for dtype in ("uint8", "uint16"):
        for bottom_up in (True, False):
            pixels = made_up(8, dtype)
            yield f"dib {dtype} bottom_up={bottom_up}", dib(pixels, bottom_up=bottom_up), pixels


def _tiffs() -> Iterator[tuple[str, bytes, np.ndarray]]:
    for dtype in ("uint8", "uint16", "int16", "uint32", "float32", "float64"):
        grey, colour = made_up(1, dtype), made_up(2, dtype, (HEIGHT, WIDTH, 3))
        for order in "<>":
            for compression in (None, "lzw", "zlib", "packbits"):
                for tile in (None, (16, 32)):
                    layout = {"tile": tile} if tile else {"rowsperstrip": 8}
                    options = {"compression": compression, "byteorder": order, **layout}
                    name = f"tiff {dtype} {order} {compression} tile={tile}"
                    yield name, tiff(grey, photometric="minisblack", **options), grey
                    yield f"{name} rgb", tiff(colour, photometric="rgb", **options), colour
        if dtype not in ("float32", "float64"):
            yield f"tiff {dtype} predictor", tiff(grey, compression="lzw", predictor=2), grey
            yield f"tiff {dtype} bigtiff", tiff(grey, bigtiff=True), grey
    yield "tiff float predictor", tiff(made_up(3, "float32"), compression="zlib", predictor=3), made_up(3, "float32")
    colour = made_up(4, "uint8", (HEIGHT, WIDTH, 4))
    yield "tiff rgba", tiff(colour, photometric="rgb", extrasamples=["unassalpha"]), colour
    planar = tiff(np.moveaxis(colour[..., :3], -1, 0), photometric="rgb", planarconfig="separate", compression="lzw")
    yield "tiff planar", planar, colour[..., :3]
    stack = np.stack([made_up(seed, "uint16") for seed in range(5)])
    yield "tiff stack", tiff(stack, photometric="minisblack"), stack[0]
    yield "tiff ome stack", tiff(stack, photometric="minisblack", ome=True, compression="zlib"), stack[0]
    indices = made_up(5)
    colours = np.random.default_rng(5).integers(0, 65536, (3, 256), dtype=np.uint16)
    palette = tiff(indices, photometric="palette", colormap=colours)
    yield "tiff palette", palette, np.moveaxis(colours[:, indices], 0, -1)
    yield "tiff min is white", tiff(indices, photometric="miniswhite"), 255 - indices
    bits = made_up(6) > 127
    yield "tiff 1 bit", one_bit_tiff(bits, 1), bits
    yield "tiff 1 bit min is white", one_bit_tiff(bits, 0), ~bits
    grey16 = made_up(7, "uint16")
    yield "tiff jpeg 2000", tiff(grey16, compression="jpeg2000", compressionargs={"reversible": True}), grey16


def _pngs() -> Iterator[tuple[str, bytes, np.ndarray]]:
    for dtype in ("uint8", "uint16"):
        for samples in (1, 2, 3, 4):
            pixels = made_up(9, dtype, (HEIGHT, WIDTH, samples))
            wanted = pixels[..., 0] if samples < 3 else pixels
            for chosen in (8, 16, 32, 64, 128, 248):  # libpng's bits: none, sub, up, average, paeth, all
                packed = imagecodecs.png_encode(pixels if samples > 1 else pixels[..., 0], level=6, filter=chosen)
                yield f"png {dtype} x{samples} filter {chosen}", packed, wanted
    bits = made_up(10) > 127
    yield "png 1 bit", pillow(Image.fromarray(bits), "PNG"), bits * np.uint8(255)
    indices = made_up(11)
    image = Image.fromarray(indices, "P")
    colours = np.random.default_rng(11).integers(0, 256, (256, 3), dtype=np.uint8)
    image.putpalette(colours.tobytes())
    yield "png palette", pillow(image, "PNG"), colours[indices]


def _bitmaps() -> Iterator[tuple[str, bytes, np.ndarray]]:
    grey, colour = made_up(12), made_up(13, "uint8", (HEIGHT, WIDTH, 3))
    yield "bmp grey", pillow(Image.fromarray(grey), "BMP"), grey
    yield "bmp colour", pillow(Image.fromarray(colour), "BMP"), colour
    image = Image.fromarray(grey, "P")
    palette = np.repeat(np.arange(255, -1, -1, dtype=np.uint8), 3)  # inverted greys: indices are not the light
    image.putpalette(palette.tobytes())
    yield "bmp palette", pillow(image, "BMP"), np.repeat((255 - grey)[..., None], 3, axis=2)
    for name, pixels in (("grey", grey), ("colour", colour)):
        packed = pillow(Image.fromarray(pixels), "JPEG", quality=90)
        yield f"jpeg {name}", packed, np.asarray(Image.open(io.BytesIO(packed)))
