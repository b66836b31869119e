"""Rows: depths, byte orders, layouts and predictors of TIFFs."""

from __future__ import annotations

from collections.abc import Iterator

import imagecodecs
import numpy as np

from tests.pixels.made_up_files import tiff as library_tiff
from tests.pixels.table import HEIGHT, WIDTH, Row, bits, grey, packed, samples
from tests.pixels.table_tiff_codecs import REVERSED, page
from tests.pixels.tiff_writer import Image, image, tiff


def rows() -> Iterator[Row]:
    yield from _depths()
    yield from _layouts()
    yield from _predictors()


def _depths() -> Iterator[Row]:
    for count in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 17, 20, 31):
        values = bits(count)
        wanted = values.astype(bool) if count == 1 else values
        for order in "<>":
            yield Row(
                f"{count} bits {order}",
                lambda v=values, n=count, o=order: tiff(page(v, n, packed(v, n)), order=o),
                wanted,
            )
        if WIDTH * count % 8:
            yield Row(
                f"{count} bits without padding of rows",
                lambda v=values, n=count: tiff(page(v, n, packed(v, n, padded=False))),
                wanted,
            )
            yield Row(
                f"{count} bits without padding of rows, LZW",
                lambda v=values, n=count: tiff(page(v, n, imagecodecs.lzw_encode(packed(v, n, padded=False)), t259=5)),
                wanted,
            )
    twelve = bits(12)
    signed = (twelve.astype(np.int16) << 4) >> 4  # the twelfth bit is the sign
    yield Row("12 bits signed", lambda: tiff(page(twelve, 12, packed(twelve, 12), t339=2)), signed)
    for order in "<>":
        values = bits(24)
        three = values.astype(f"{order}u4").view(np.uint8).reshape(HEIGHT, WIDTH, 4)
        body = (three[..., :3] if order == "<" else three[..., 1:]).tobytes()
        yield Row(f"24 bits {order}", lambda b=body, o=order: tiff(page(grey(), 24, b), order=o), values)
        signed_24 = (values.view(np.int32) << 8) >> 8
        yield Row(
            f"24 bits signed {order}",
            lambda b=body, o=order: tiff(page(grey(), 24, b, t339=2), order=o),
            signed_24,
        )
        for dtype in ("int8", "int16", "int32", "int64", "uint32", "uint64", "float16", "float32", "float64"):
            found = (bits(8).astype(np.float64) - 100).astype(dtype) if dtype[0] != "u" else bits(int(dtype[4:]))
            yield Row(f"{dtype} {order}", lambda p=found, o=order: tiff(image(p, o), order=o), found)
            yield Row(f"{dtype} {order} big", lambda p=found, o=order: tiff(image(p, o), order=o, big=True), found)
    exact = (np.arange(HEIGHT * WIDTH, dtype=np.float32) / 8 - 20).reshape(HEIGHT, WIDTH)  # fits 16 bits of mantissa
    for order in "<>":
        body = imagecodecs.float24_encode(exact, byteorder=order)
        yield Row(f"float24 {order}", lambda b=body, o=order: tiff(page(exact, 24, bytes(b), t339=3), order=o), exact)
    yield Row("undefined sample format", lambda: tiff(image(grey(), t339=4)), grey())
    for kind, name in ((5, "complex"), (6, "complex"), (9, "unknown")):
        yield Row(f"sample format {kind}", lambda k=kind: tiff(image(grey(1, "uint32"), t339=k)), refused=name)
    yield Row("float of 8 bits", lambda: tiff(image(grey(), t339=3)), refused="8 bits, floats")
    yield Row("40 bits", lambda: tiff(page(grey(), 40, bytes(HEIGHT * WIDTH * 5))), refused="40 bits")
    yield Row("128 bits", lambda: tiff(page(grey(), 128, bytes(HEIGHT * WIDTH * 16))), refused="128 bits")
    yield Row(
        "depths of 5, 6 and 5 bits",
        lambda: tiff(page(grey(), 5, bytes(2 * HEIGHT * WIDTH), t258=[5, 6, 5], t262=2, t277=3)),
        refused=r"samples of \[5, 6\] bits",
    )
    yield Row("layers in one image", lambda: tiff(image(grey(), t32997=2)), refused="2 layers")
    yield Row("fill order 2", lambda: tiff(page(grey(), 8, grey().tobytes().translate(REVERSED), t266=2)), grey())
    for count in (1, 4, 12):
        values = bits(count)
        wanted = values.astype(bool) if count == 1 else values
        yield Row(
            f"fill order 2 of {count} bits",
            lambda v=values, n=count: tiff(page(v, n, packed(v, n).translate(REVERSED), t266=2)),
            wanted,
        )
    body = imagecodecs.lzw_encode(grey().tobytes())
    yield Row("fill order 2 with LZW", lambda: tiff(page(grey(), 8, body.translate(REVERSED), t266=2, t259=5)), grey())
    yield Row("fill order 3", lambda: tiff(image(grey(), t266=3)), refused="fill order of 3")


def _layouts() -> Iterator[Row]:
    deep, colour = grey(4, "uint16"), samples(3, 5)
    for order in "<>":
        for big in (False, True):
            for tile in (None, (16, 32)):
                for planar in ("contig", "separate"):
                    stored = np.moveaxis(colour, -1, 0) if planar == "separate" else colour
                    options = {"byteorder": order, "bigtiff": big, "tile": tile, "compression": "lzw"}
                    yield Row(
                        f"rgb {order} big={big} tile={tile} {planar}",
                        lambda p=stored, k=planar, o=options: library_tiff(p, photometric="rgb", planarconfig=k, **o),
                        colour,
                    )
    planes = [np.ascontiguousarray(colour[..., k]) for k in range(3)]
    separate = {258: [8] * 3, 262: 2, 277: 3, 284: 2, 278: 8}
    strips = [plane[y : y + 8].tobytes() for plane in planes for y in range(0, HEIGHT, 8)]
    yield Row(
        "separate planes in strips", lambda: tiff(Image({256: WIDTH, 257: HEIGHT, 259: 1, **separate}, strips)), colour
    )
    yield Row("strips of one row", lambda: tiff(image(deep, rows=1)), deep)
    yield Row("more rows a strip than rows", lambda: tiff(image(deep, t278=100_000)), deep)
    yield Row("planar configuration 3", lambda: tiff(image(colour, t284=3)), refused="planar configuration of 3")
    yield Row("no width", lambda: tiff(image(deep, t256=None)), refused="a size of 0 x")
    yield Row(
        "tile without a height",
        lambda: tiff(Image({256: WIDTH, 257: HEIGHT, 322: 16}, [b"1"], tiled=True)),
        refused="a size of 16 x 0",
    )


def differences(pixels: np.ndarray) -> np.ndarray:
    out = pixels.copy()
    out[:, 1:] = pixels[:, 1:] - pixels[:, :-1]  # wraps around
    return out


def _predictors() -> Iterator[Row]:
    for order in "<>":
        for dtype in ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32"):
            pixels = bits(int(dtype.strip("uint")), 7).view(dtype)
            body = differences(pixels).astype(np.dtype(dtype).newbyteorder(order)).tobytes()
            for number, encode in ((5, imagecodecs.lzw_encode), (8, imagecodecs.zlib_encode)):
                tags, strip = {**image(pixels).tags, 259: number, 317: 2}, bytes(encode(body))
                yield Row(
                    f"predictor 2 {dtype} {order} compression {number}",
                    lambda t=tags, b=strip, o=order: tiff(Image(t, [b]), order=o),
                    pixels,
                )
    colour = samples(3, 8)
    body = differences(colour).tobytes()
    for number, encode in ((50000, imagecodecs.zstd_encode), (34925, imagecodecs.lzma_encode)):
        tags, strip = {**image(colour).tags, 259: number, 317: 2}, bytes(encode(body))
        yield Row(f"predictor 2 rgb compression {number}", lambda t=tags, b=strip: tiff(Image(t, [b])), colour)
    for dtype in ("float16", "float32", "float64"):
        pixels = (bits(8, 9) / 7).astype(dtype)
        for order in "<>":
            # the bytes of a row, highest of all values first, then differences
            each = pixels.astype(f">{pixels.dtype.str[1:]}").view(np.uint8).reshape(HEIGHT, WIDTH, -1)
            planes = np.ascontiguousarray(each.transpose(0, 2, 1)).reshape(HEIGHT, -1)
            tags = {**image(pixels).tags, 259: 8, 317: 3}
            strip = bytes(imagecodecs.zlib_encode(differences(planes).tobytes()))
            yield Row(
                f"predictor 3 {dtype} {order}",
                lambda t=tags, b=strip, o=order: tiff(Image(t, [b]), order=o),
                pixels,
            )
        whole = pixels.view(f"u{pixels.itemsize}")
        strip = bytes(imagecodecs.lzw_encode(differences(whole).tobytes()))
        tags = {**image(pixels).tags, 259: 5, 317: 2}
        yield Row(
            f"predictor 2 {dtype}: differences of the bits",
            lambda t=tags, b=strip: tiff(Image(t, [b])),
            pixels,
        )
    eight = grey()
    for value in (2, 3, 9):
        yield Row(f"predictor {value} without compression", lambda v=value: tiff(image(eight, t317=v)), eight)
        body = bytes(imagecodecs.packbits_encode(eight.tobytes()))
        yield Row(
            f"predictor {value} with PackBits",
            lambda v=value, b=body: tiff(page(eight, 8, b, t259=32773, t317=v)),
            eight,
        )
    body = bytes(imagecodecs.lzw_encode(eight.tobytes()))
    for value in (0, 3, 4, 34892):
        yield Row(
            f"predictor {value} with LZW",
            lambda v=value: tiff(page(eight, 8, body, t259=5, t317=v)),
            refused=f"predictor {value} for whole-number samples of 8 bits",
        )
    four = bytes(imagecodecs.lzw_encode(packed(bits(4), 4)))
    yield Row("predictor 2 of 4 bits", lambda: tiff(page(eight, 4, four, t259=5, t317=2)), refused="samples of 4 bits")
