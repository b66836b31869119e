"""Rows for strips and tiles of TIFFs, and wrong positions."""

from __future__ import annotations

from collections.abc import Iterator

import imagecodecs
import numpy as np

from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE
from tests.pixels.made_up_files import tiff as library_tiff
from tests.pixels.table import HEIGHT, WIDTH, Row, bits, grey, packed
from tests.pixels.tiff_writer import Image, image, tiff

STACK = np.stack([grey(seed, "uint16") for seed in range(5)])
RESULTS = ((0, STACK[0]), (3, STACK[3]), (4, STACK[4]), (MIDDLE_PLANE, STACK[2]), (MAX_PROJECTION, STACK.max(axis=0)))


def rows() -> Iterator[Row]:
    yield from _wrong_counts()
    yield from _sparse()


def _wrong_counts() -> Iterator[Row]:
    pixels = grey(9, "uint16")
    good = [8 * WIDTH * 2, 8 * WIDTH * 2, 3 * WIDTH * 2]
    wrong = {
        "of 0": [0, 0, 0],
        "in pixels": [n // 2 for n in good],
        "beyond the file": [10**6] * 3,
        "a few bytes short": [n - 3 for n in good],
        "a few bytes long": [n + 3 for n in good],
        "missing": None,
        "of the first strip only": good[:1],
        "of one strip short": good[:2],
        "largest": [0xFFFFFFFF] * 3,
        "all in one": [sum(good)],
    }
    for order in "<>":
        for name, counts in wrong.items():
            yield Row(
                f"uncompressed, counts {name} {order}",
                lambda c=counts, o=order: tiff(image(pixels, o, rows=8, t279=c), order=o),
                pixels,
            )
    one = {278: 8}
    yield Row(
        "one offset for many strips", lambda: tiff(Image({**image(pixels).tags, **one}, [pixels.tobytes()])), pixels
    )
    for rows_a_strip in (0, None):
        yield Row(f"rows a strip {rows_a_strip}, one strip", lambda r=rows_a_strip: tiff(image(pixels, t278=r)), pixels)
        yield Row(
            f"rows a strip {rows_a_strip}, LZW",
            lambda r=rows_a_strip: tiff(
                Image({**image(pixels, t278=r).tags, 259: 5}, [bytes(imagecodecs.lzw_encode(pixels.tobytes()))])
            ),
            pixels,
        )
    yield Row("rows a strip 0, five strips", lambda: tiff(image(pixels, rows=4, t278=0)), pixels)
    for cut in (1, 7, 200):
        for order in "<>":  # the library writes directories first
            whole = library_tiff(pixels, byteorder=order)
            yield Row(
                f"uncompressed, cut by {cut} bytes {order}", lambda w=whole, n=cut: w[:-n], refused="in a file of"
            )
    yield Row("uncompressed, of 8 bits called 16", lambda: tiff(*[image(grey(), t258=16)] * 2), refused="runs into")
    strips = [bytes(imagecodecs.lzw_encode(pixels[y : y + 8].tobytes())) for y in range(0, HEIGHT, 8)]
    inflated = [bytes(imagecodecs.zlib_encode(pixels[y : y + 8].tobytes())) for y in range(0, HEIGHT, 8)]
    for number, found in ((5, strips), (8, inflated)):
        tags = {**image(pixels, rows=8).tags, 259: number}
        for name, counts in (("of 0", [0, 0, 0]), ("missing", None), ("of the first only", [len(found[0])])):
            yield Row(
                f"compression {number}, counts {name}",
                lambda t=tags, f=found, c=counts: tiff(Image({**t, 279: c}, f)),
                pixels,
            )
        for name, counts in (("too small", [5, 5, 5]), ("beyond the file", [10**6] * 3)):
            yield Row(
                f"compression {number}, counts {name}",
                lambda t=tags, f=found, c=counts: tiff(Image({**t, 279: c}, f)),
                refused="unreadable",
            )
    twelve = bits(12)
    for padded in (True, False):
        body = packed(twelve[:, :21], 12, padded)
        yield Row(
            f"12 bits of 21 pixels, rows padded={padded}",
            lambda b=body: tiff(Image({256: 21, 257: HEIGHT, 258: 12, 262: 1, 277: 1}, [b])),
            twelve[:, :21],
        )
        halves = [packed(twelve[y : y + 7, :21], 12, padded) for y in range(0, HEIGHT, 7)]
        yield Row(
            f"12 bits in strips of 7 rows of 21 pixels, rows padded={padded}",
            lambda h=halves: tiff(Image({256: 21, 257: HEIGHT, 258: 12, 262: 1, 277: 1, 278: 7}, h)),
            twelve[:, :21],
        )


def _sparse() -> Iterator[Row]:
    pixels = np.zeros((40, 48), np.uint16)
    pixels[:16, 16:32] = grey(3, "uint16")[:16, :16]
    tiles = [None] * 9
    tiles[1] = pixels[:16, 16:32].tobytes()
    found = {256: 48, 257: 40, 258: 16, 262: 1, 277: 1, 322: 16, 323: 16}
    yield Row("sparse tiles", lambda: tiff(Image(found, tiles, tiled=True)), pixels)
    for number, encode in ((5, imagecodecs.lzw_encode), (8, imagecodecs.zlib_encode), (34712, None)):
        body = (
            bytes(encode(tiles[1])) if encode else bytes(imagecodecs.jpeg2k_encode(pixels[:16, 16:32], reversible=True))
        )
        some = [None, body, *[None] * 7]
        yield Row(
            f"sparse tiles, compression {number}",
            lambda n=number, s=some: tiff(Image({**found, 259: n}, s, tiled=True)),
            pixels,
        )
    wanted = np.zeros_like(pixels)
    wanted[16:32] = grey(4, "uint16")[:16, :1]
    strips = [None, wanted[16:32].tobytes(), None]
    yield Row(
        "sparse strips", lambda: tiff(Image({256: 48, 257: 40, 258: 16, 262: 1, 277: 1, 278: 16}, strips)), wanted
    )
    deep = grey(9, "uint16")
    for rows_a_strip in (None, 8):
        for tag in ("t258", "t277"):
            wrong = {"t258": 8} if tag == "t258" else {"t277": 1, "t258": 16}
            pixels = deep if tag == "t258" else np.stack([deep, deep], axis=2)
            one = image(pixels, rows=rows_a_strip, t262=1, **wrong)
            yield Row(
                f"uncompressed, twice of what {tag} says, rows={rows_a_strip}",
                lambda o=one: tiff(o),
                refused="hold at least twice",
            )
            packed_strips = [bytes(imagecodecs.lzw_encode(strip)) for strip in one.segments if strip]
            tags = {**one.tags, 259: 5}
            yield Row(
                f"LZW, twice of what {tag} says, rows={rows_a_strip}",
                lambda t=tags, s=packed_strips: tiff(Image(t, s)),
                refused="unpacks to twice",
            )
    yield Row("8 bits without saying so", lambda: tiff(image(grey(), t258=None)), refused="hold at least twice")
    many = (4, [8] * ((1 << 20) + 1))
    yield Row("a million strips", lambda: tiff(image(grey(), t273=many)), refused="tag 273 of 1048577 values")
    yield Row("an offset of 0 with a count", lambda: tiff(image(grey(), t273=0)), refused="at 0 in a file")
    yield Row("too few tiles", lambda: tiff(Image(found, tiles[:8], tiled=True)), refused="8 strips or tiles, needs 9")
