"""Reading every kind of file that the sources hold.

By content, at native depth.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from builder.errors import RejectedError
from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE, read, read_channels
from builder.sources import base
from tests.pixels.made_up_files import deltavision, dib, files, made_up, pillow, tiff

FILES = list(files())


@pytest.mark.parametrize(("data", "wanted"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_pixels_at_native_depth(data, wanted):
    pixels = read(data)
    assert pixels.dtype == wanted.dtype
    assert pixels.dtype.isnative
    np.testing.assert_array_equal(pixels, wanted)


def test_the_numbers_of_planes_are_those_of_the_sources():
    assert (MIDDLE_PLANE, MAX_PROJECTION) == (base.MIDDLE_PLANE, base.MAX_PROJECTION)


@pytest.mark.parametrize("kind", ["tiff", "bigtiff", "dv"])
def test_planes_of_a_stack(kind):
    stack = np.stack([made_up(seed, "uint16") for seed in range(4)])
    data = deltavision(stack) if kind == "dv" else tiff(stack, bigtiff=kind == "bigtiff", photometric="minisblack")
    for number in range(4):
        np.testing.assert_array_equal(read(data, number), stack[number])
    np.testing.assert_array_equal(read(data, MIDDLE_PLANE), stack[2])
    np.testing.assert_array_equal(read(data, MAX_PROJECTION), stack.max(axis=0))
    for missing in (4, 1000, -3):
        with pytest.raises(RejectedError, match="unreadable: plane"):
            read(data, missing)


def test_a_single_image_is_its_own_projection():
    for name, data, wanted in FILES[::20]:
        for plane in (MIDDLE_PLANE, MAX_PROJECTION):
            if "stack" not in name and "dv" not in name:
                np.testing.assert_array_equal(read(data, plane), wanted)
        if name.startswith(("png", "bmp", "jpeg", "dib")):
            with pytest.raises(RejectedError, match="plane 1 of 1"):
                read(data, 1)


def test_cmyk_and_12_bit():
    colour = made_up(1, "uint8", (20, 30, 3))
    printed = pillow(Image.fromarray(colour).convert("CMYK"), "JPEG", quality=100)
    assert np.abs(read(printed).astype(int) - colour).mean() < 4  # light, not ink
    twelve = made_up(2, "uint16", (20, 32))
    high, low = twelve[:, ::2], twelve[:, 1::2]
    packed = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], axis=-1).astype(np.uint8).tobytes()
    tags = [(256, 32), (257, 20), (258, 12), (259, 1), (262, 1), (273, 122), (278, 20), (279, len(packed))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    file = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    file = file.ljust(122, b"\0") + packed
    np.testing.assert_array_equal(read(file), twelve)


def png_header(width, height, bits=8, colour=0):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def tiff_header(width, height, tags=()):
    found = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 278: height, 279: 1, **dict(tags)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(found.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(found)) + entries + bytes(20)


@pytest.mark.parametrize(
    "data",
    [
        png_header(50_000, 50_000),
        png_header(12_000, 12_000, 16, 6),  # few pixels, but over a gigabyte
        tiff_header(50_000, 50_000),
        tiff_header(100, 100, [(322, 60_000), (323, 60_000), (324, 8), (325, 1)]),  # a tile larger than the image
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 50_000, 50_000, 1, 8, 0, 0, 0, 0, 0, 0),
        dib(np.zeros((2, 2), np.uint16)).replace(struct.pack("<ii", 2, 2), struct.pack("<ii", 50_000, -50_000), 1),
        deltavision(np.zeros((1, 2, 2), np.uint16)).replace(
            struct.pack("<2i", 2, 2), struct.pack("<2i", 50_000, 50_000)
        ),
        pillow(Image.new("L", (16, 16)), "JPEG").replace(
            struct.pack(">HH", 16, 16), struct.pack(">HH", 50_000, 50_000)
        ),
    ],
    ids=["png", "png of 8 bytes a pixel", "tiff", "tile", "bmp", "dib", "dv", "jpeg"],
)
def test_too_large_before_decoding(data):
    with pytest.raises(RejectedError) as caught:
        read(data)
    assert caught.value.reason == "too_large"


def test_a_bomb_is_not_unpacked():
    """Deflated rows of small images unpack to 100 MB.

    A PNG and a TIFF of 10 x 10 pixels.
    """
    packed = zlib.compress(bytes(100_000_000))
    chunk = b"IDAT" + packed
    bomb_png = png_header(10, 10) + struct.pack(">I", len(packed)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb_png += struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    header = tiff_header(10, 10, [(259, 8), (279, len(packed))])
    bomb = header.replace(struct.pack("<HHII", 273, 4, 1, 8), struct.pack("<HHII", 273, 4, 1, len(header))) + packed
    for data in (bomb_png, bomb):
        with pytest.raises(RejectedError, match="unreadable"):
            read(data)


def test_a_wrong_crc_is_refused_however_many_images_came_before():
    whole = next(data for name, data, _ in FILES if name.startswith("png uint8 x1"))
    at = whole.index(b"IDAT") + 10
    broken = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[:-1] + bytes([whole[-1] ^ 1])]
    for _ in range(70):
        read(whole)
        for data in broken:
            with pytest.raises(RejectedError, match="CRC"):
                read(data)


@pytest.mark.parametrize("count", [2, 4, 5, 9])
def test_channels_side_by_side_are_no_one_image(count):
    pixels = made_up(1, "uint8", (20, 30, count))
    data = tiff(pixels, photometric="minisblack", planarconfig="contig")
    with pytest.raises(RejectedError, match=f"{count} channels side by side"):
        read(data)
    np.testing.assert_array_equal(np.stack(read_channels(data), axis=2), pixels)


def test_directories_in_a_circle():
    data = bytearray(tiff(np.stack([made_up(1), made_up(2)]), photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        first, second = (page.offset for page in file.pages)
    (count,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<I", data, second + 2 + 12 * count, first)
    np.testing.assert_array_equal(read(bytes(data)), made_up(1))  # what is asked for is before the circle
    for plane in (2, MIDDLE_PLANE, MAX_PROJECTION):
        with pytest.raises(RejectedError, match="circle"):
            read(bytes(data), plane)


def test_a_projection_of_very_many_planes():
    with pytest.raises(RejectedError, match="projection of 100000 planes"):
        read(deltavision(np.zeros((100_000, 1, 1), np.uint16)), MAX_PROJECTION)


def test_strips_outside_the_file():
    whole = tiff(made_up(1), rowsperstrip=8, compression="lzw")
    for cut in (len(whole) - 1, len(whole) - 200, len(whole) // 2):
        with pytest.raises(RejectedError, match="unreadable"):
            read(whole[:cut])


NO_IMAGES = [b"", b"\0" * 100, b"GIF89a" + b"\0" * 50, b"II*\0", b"\x89PNG\r\n\x1a\n", b"BM", b"\xff\xd8\xff"]


@pytest.mark.parametrize("data", NO_IMAGES)
def test_no_image(data):
    with pytest.raises(RejectedError, match="unreadable"):
        read(data)


@pytest.mark.real
def test_real_files_as_other_readers_read_them(real_data):
    found = 0
    for path in sorted(real_data.rglob("*")):
        kind = path.suffix.lower()
        if kind in (".tif", ".tiff"):
            wanted = tifffile.imread(path)
        elif kind in (".png", ".bmp", ".jpg"):
            with Image.open(path) as image:
                wanted = np.asarray(image)
        else:
            continue
        np.testing.assert_array_equal(read(path.read_bytes()), wanted, err_msg=str(path))
        found += 1
    assert found > 100
