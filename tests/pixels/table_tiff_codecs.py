"""Rows: compressions of TIFFs, and strips that were cut."""

from __future__ import annotations

import io
from collections.abc import Iterator

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as PillowImage

from tests.pixels.made_up_files import pillow
from tests.pixels.made_up_files import tiff as library_tiff
from tests.pixels.table import HEIGHT, WIDTH, Row, bits, grey, samples
from tests.pixels.tiff_writer import Image, image, tiff

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def rows() -> Iterator[Row]:
    yield from _codecs()
    yield from _pixel_codecs()
    yield from _cut()


def page(values: np.ndarray, count: int, body: bytes, **tags: object) -> Image:
    found = {256: WIDTH, 257: HEIGHT, 258: count, 259: 1, 262: 1, 277: 1, 278: HEIGHT}
    return Image({**found, **{int(name[1:]): value for name, value in tags.items()}}, [body])


def _codecs() -> Iterator[Row]:
    deep = grey(6, "uint16")
    raw = deep.astype("<u2")
    encoders = {
        5: imagecodecs.lzw_encode,
        8: imagecodecs.zlib_encode,
        32946: imagecodecs.zlib_encode,
        32773: imagecodecs.packbits_encode,
        34925: imagecodecs.lzma_encode,
        34926: imagecodecs.zstd_encode,
        50000: imagecodecs.zstd_encode,
    }
    for number, encode in encoders.items():
        strips = [bytes(encode(raw[y : y + 8].tobytes())) for y in range(0, HEIGHT, 8)]
        tags = {256: WIDTH, 257: HEIGHT, 258: 16, 259: number, 262: 1, 277: 1, 278: 8}
        yield Row(f"compression {number}", lambda t=tags, s=strips: tiff(Image(t, s)), deep)
        filled = [*strips[:-1], bytes(encode(np.pad(raw[16:], ((0, 5), (0, 0))).tobytes()))]
        yield Row(f"compression {number}, last strip filled up", lambda t=tags, s=filled: tiff(Image(t, s)), deep)
        short = [*strips[:-1], bytes(encode(raw[16:-1].tobytes()))]
        yield Row(f"compression {number}, a row short", lambda t=tags, s=short: tiff(Image(t, s)), refused="unreadable")
    for number, name in (
        (9, "JBIG"),
        (32766, "NeXT"),
        (32809, "ThunderScan"),
        (34676, "SGI"),
        (34713, "Nikon"),
        (48124, "Jetraw"),
        (65000, "electron"),
        (12345, "unknown"),
        (0, "unknown"),
    ):
        yield Row(f"compression {number}", lambda n=number: tiff(image(deep, t259=n)), refused=rf"{number} \({name}")
    black = bits(1)
    white = black.astype(bool)
    for name in ("tiff_ccitt", "group3", "group4"):
        for lowest_first in (1, 2):
            tags = {266: lowest_first} if lowest_first == 2 else {}
            yield Row(
                f"fax {name} fill order {lowest_first}",
                lambda n=name, t=tags: pillow(PillowImage.fromarray(white), "TIFF", compression=n, tiffinfo=t),
                white,
            )
    yield Row("fax of 8 bits", lambda: tiff(image(grey(), t259=4)), refused="fax compression of 1 samples of 8 bits")


def _pixel_codecs() -> Iterator[Row]:
    eight, deep, colour, clear = grey(), grey(6, "uint16"), samples(3, 9), samples(4, 10)
    lossless = {
        "jpeg2000": {"reversible": True},
        "jpegxr": {"level": 1.0},
        "webp": {"lossless": True},
        "lerc": None,
        "png": None,
        "jpegxl": {"lossless": True},
    }
    for name, options in lossless.items():
        for kind, pixels in (("grey", eight), ("16 bits", deep), ("rgb", colour), ("rgba", clear)):
            if name == "webp" and kind in ("grey", "16 bits"):
                continue
            how = {"photometric": "rgb" if pixels.ndim == 3 else "minisblack"}
            how |= {"extrasamples": ["unassalpha"]} if kind == "rgba" else {}
            how |= {"compressionargs": options} if options else {}
            for tile in (None, (16, 16)):
                yield Row(
                    f"{name} {kind} tile={tile}",
                    lambda p=pixels, n=name, h=how, t=tile: library_tiff(p, compression=n, tile=t, **h),
                    pixels,
                )
    for number in (33003, 33004, 33005, 34712):
        body = bytes(imagecodecs.jpeg2k_encode(eight, reversible=True))
        yield Row(f"compression {number}", lambda n=number, b=body: tiff(page(eight, 8, b, t259=n)), eight)
    body = bytes(imagecodecs.jpeg2k_encode(np.zeros((600, 600), np.uint8), reversible=True))
    yield Row("JPEG 2000 larger than its strip", lambda: tiff(page(eight, 8, body, t259=34712)), refused="600 x 600")
    deeper = bytes(imagecodecs.jpeg2k_encode(deep, reversible=True))
    yield Row("JPEG 2000 of another depth", lambda: tiff(page(eight, 8, deeper, t259=34712)), refused="uint16")


def _disagreeing() -> Iterator[Row]:
    """Yield files whose coded data disagree with the directory.

    They state another count or type of samples than the directory, or than elsewhere in themselves.
    """
    eight, many = grey(), np.zeros((*grey().shape, 60), np.uint8)
    for name, number, coded in (
        ("LERC", 34887, imagecodecs.lerc_encode(many)),
        ("JPEG 2000", 34712, imagecodecs.jpeg2k_encode(many, reversible=True)),
        ("JPEG XL", 50002, imagecodecs.jpegxl_encode(np.moveaxis(many, 2, 0).copy(), photometric="gray", planar=True)),
    ):
        strip = bytes(coded)
        yield Row(
            f"{name} strip of 60 samples",
            lambda s=strip, n=number: tiff(page(eight, 8, s, t259=n)),
            refused="60 samples, and the file 1",
        )
    frames = np.repeat(eight[None], 20, axis=0)
    for name, number, coded, why in (
        ("JPEG XL of 20 frames", 50002, imagecodecs.jpegxl_encode(frames, photometric="gray"), "an animation"),
        ("LERC of 20 bands", 34887, imagecodecs.lerc_encode(frames, planar=True), "more than one band"),
    ):
        strip = bytes(coded)
        yield Row(name, lambda s=strip, n=number: tiff(page(eight, 8, s, t259=n)), refused=why)
    yield from _disagreeing_jpeg_xr(eight)


def _disagreeing_jpeg_xr(eight: np.ndarray) -> Iterator[Row]:
    """Yield such files of JPEG XR.

    Its decoder would write beyond its memory if they were let through.
    """
    whole = bytes(imagecodecs.jpegxr_encode(eight, level=1.0))
    stream, identifier = whole.index(b"WMPHOTO\0"), whole.index(bytes.fromhex("24c3dd6f")) + 15
    for name, at, value, why in (
        ("a codestream of colour and depth 0x28", stream + 11, 0x28, "other samples than its pixel format"),
        ("a codestream of 32 bits", stream + 11, 0x07, "other samples than its pixel format"),
        ("a codestream of colours", stream + 11, 0x71, "other samples than its pixel format"),
        ("a pixel format of 16 bits", identifier, 0x0B, "other samples than its pixel format"),
        ("a pixel format of 1 bit", identifier, 0x05, "other samples than its pixel format"),
        ("an unknown pixel format", identifier, 0xFE, "pixel format that is not read"),
        ("a codestream that is wider", stream + 13, 0xFF, "has a codestream of 256 x"),
        ("a turned codestream", stream + 9, 0x08, "is turned"),
        ("colours inside", stream + 16, 0x60, "other samples inside than outside"),
    ):
        strip = bytearray(whole)
        strip[at] = value
        yield Row(f"JPEG XR with {name}", lambda s=bytes(strip): tiff(page(eight, 8, s, t259=34934)), refused=why)
    for kind, coded in (("16 bits", grey(6, "uint16")), ("three samples", samples(3, 9))):
        strip = bytes(imagecodecs.jpegxr_encode(coded, level=1.0))
        yield Row(
            f"JPEG XR of {kind} in a strip of 8 bits",
            lambda s=strip: tiff(page(eight, 8, s, t259=34934)),
            refused="samples of uint",
        )


def _cut() -> Iterator[Row]:
    many_tags = bytearray(imagecodecs.jpegxr_encode(grey(), level=1.0))
    at = int.from_bytes(many_tags[4:8], "little")
    many_tags[at : at + 2] = b"\xff\xff"
    yield Row(
        "JPEG XR of 65,535 tags",
        lambda: tiff(page(grey(), 8, bytes(many_tags), t259=34934)),
        refused="has 65535 tags",
    )
    large = np.zeros((800, 900), np.uint8)  # in a strip that is smaller
    for name, number, coded_large in (
        ("JPEG XR", 34934, imagecodecs.jpegxr_encode(large, level=0.5)),
        ("WebP", 50001, imagecodecs.webp_encode(np.repeat(large[..., None], 3, axis=2), lossless=True)),
        ("LERC", 34887, imagecodecs.lerc_encode(large)),
        ("JPEG XL", 50002, imagecodecs.jpegxl_encode(large, effort=1)),
        ("JPEG XL in boxes", 50002, imagecodecs.jpegxl_encode(large, effort=1, usecontainer=True)),
        ("JPEG 2000", 34712, imagecodecs.jpeg2k_encode(large, reversible=True)),
        ("JPEG 2000 in boxes", 34712, imagecodecs.jpeg2k_encode(large, reversible=True, codecformat="jp2")),
        ("PNG", 34933, imagecodecs.png_encode(large)),
    ):
        yield Row(
            f"{name} strip that says it is larger than the image",
            lambda coded=coded_large, n=number: tiff(page(grey(), 8, bytes(coded), t259=n)),
            refused="say 900 x 800 pixels",
        )
    yield from _disagreeing()
    noise = np.random.default_rng(5).integers(0, 256, (64, 80), dtype=np.uint8)
    colour_noise = np.repeat(noise[..., None], 3, axis=2)
    coded = {
        "JPEG": (7, imagecodecs.jpeg8_encode(noise)),
        "lossless JPEG": (7, imagecodecs.ljpeg_encode(noise, bitspersample=8)),
        "JPEG 2000": (34712, imagecodecs.jpeg2k_encode(noise, reversible=True)),
        "JPEG XR": (34934, imagecodecs.jpegxr_encode(noise, level=1.0)),
        "WebP": (50001, imagecodecs.webp_encode(colour_noise, lossless=True)),
        "LERC": (34887, imagecodecs.lerc_encode(noise)),
        "PNG": (34933, imagecodecs.png_encode(noise)),
        "JPEG XL": (50002, imagecodecs.jpegxl_encode(noise, lossless=True)),
    }
    for name, (number, whole) in coded.items():
        tags = {**image(colour_noise if name == "WebP" else noise).tags, 259: number}
        for share in (0.5, 0.9, 0.97):
            strip = bytes(whole)[: int(len(whole) * share)]
            yield Row(
                f"{name} strip of which {share} is there", lambda t=tags, s=strip: tiff(Image(t, [s])), refused="."
            )
    black = PillowImage.fromarray(noise > 128)
    for name in ("tiff_ccitt", "group3", "group4"):
        whole = pillow(black, "TIFF", compression=name)
        with tifffile.TiffFile(io.BytesIO(whole)) as file:
            first = file.pages.first
            (start,), (count,) = first.dataoffsets, first.databytecounts
            tags = {256: 80, 257: 64, 258: 1, 262: 1, 277: 1, 259: int(first.compression), 292: 0}
        for share in (0.5, 0.97):
            strip = whole[start : start + int(share * count)]
            yield Row(
                f"fax {name} of which {share} is there", lambda t=tags, s=strip: tiff(Image(t, [s])), refused="cut"
            )
