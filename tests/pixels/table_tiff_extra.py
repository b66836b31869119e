"""Rows: extra samples, counts of samples and orientations of TIFFs."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image as PillowImage

from tests.pixels.made_up_files import pillow
from tests.pixels.made_up_files import tiff as library_tiff
from tests.pixels.table import SEEN, Row, grey, samples
from tests.pixels.tiff_writer import Image, image, tiff


def rows() -> Iterator[Row]:
    yield from _extra_samples()
    yield from _counts_of_samples()
    yield from _orientations()


def _extra_samples() -> Iterator[Row]:
    for dtype in ("uint8", "uint16", "float32"):
        for count in (2, 3, 4, 5, 8):
            pixels = samples(count, 12, dtype)
            stains = tuple(pixels[..., k] for k in range(count))
            for stated in (None, [0] * (count - 1)):
                yield Row(
                    f"{count} channels {dtype}, tag 338 {stated}",
                    lambda p=pixels, s=stated: tiff(image(p, t262=1, t338=s)),
                    channels=stains,
                )
            strips = [stain.tobytes() for stain in stains]
            tags = image(pixels, t262=1, t284=2).tags
            yield Row(
                f"{count} channels {dtype}, separate", lambda t=tags, s=strips: tiff(Image(t, s)), channels=stains
            )
    two, four, five = samples(2), samples(4), samples(5)
    for kind in (1, 2, 999):
        yield Row(f"grey and opacity {kind}", lambda k=kind: tiff(image(two, t338=k)), two[..., 0])
        yield Row(f"colour and opacity {kind}", lambda k=kind: tiff(image(four, t262=2, t338=k)), four)
    yield Row(
        "grey, opacity and two channels",
        lambda: tiff(image(four, t338=[2, 0, 0])),
        channels=(four[..., 0], four[..., 2], four[..., 3]),
    )
    for stated in (None, 0):
        yield Row(
            f"colour and a channel, tag 338 {stated}",
            lambda s=stated: tiff(image(four, t262=2, t338=s)),
            channels=(four[..., :3], four[..., 3]),
        )
    yield Row(
        "colour, opacity and a channel",
        lambda: tiff(image(five, t262=2, t338=[2, 0])),
        channels=(five[..., :3], five[..., 4]),
    )
    yield Row("two channels, 0 is white", lambda: tiff(image(two, t262=0)), channels=(255 - two[..., 0], two[..., 1]))
    yield Row("more extra samples than samples", lambda: tiff(image(two, t338=[0, 0])), refused="2 of them extra")
    for order in "<>":
        yield Row(
            f"two channels tiled LZW {order}",
            lambda o=order: library_tiff(
                two, photometric="minisblack", planarconfig="contig", tile=(16, 16), compression="lzw", byteorder=o
            ),
            channels=(two[..., 0], two[..., 1]),
        )
    three = samples(3)
    lsm = {**image(three, t284=2).tags, 34412: (1, [0] * 40)}
    yield Row(
        "LSM of three channels",
        lambda: tiff(Image(lsm, [three[..., k].tobytes() for k in range(3)])),
        channels=tuple(three[..., k] for k in range(3)),
    )


def _counts_of_samples() -> Iterator[Row]:
    three, one = samples(3), grey()
    yield Row("RGB without samples per pixel", lambda: tiff(image(three, t277=None)), refused="1 samples a pixel")
    yield Row("RGB of one sample", lambda: tiff(image(one, t262=2)), refused="interpretation 2 and 1 samples")
    yield Row("RGB of two samples", lambda: tiff(image(samples(2), t262=2)), refused="interpretation 2 and 2 samples")
    yield Row("RGB with the depth of one", lambda: tiff(image(three, t258=8, t339=1)), three)
    yield Row("RGB with two depths", lambda: tiff(image(three, t258=[8, 8])), refused="the depths of 2")
    yield Row("grey with three depths", lambda: tiff(image(one, t258=[8, 8, 8])), refused="the depths of 3")
    yield Row("no samples", lambda: tiff(image(one, t277=0)), refused="0 samples")
    yield Row("palette of three samples without words for two", lambda: tiff(image(three, t262=3)), refused="palette")
    yield Row("RGB of depths that differ", lambda: tiff(image(three, t258=[8, 8, 16])), refused=r"samples of \[8, 16\]")
    yield Row("RGB of formats that differ", lambda: tiff(image(three, t339=[1, 1, 3])), refused=r"formats \[1, 3\]")


def _orientations() -> Iterator[Row]:
    pixels, colour = grey(13), samples(3, 14)
    for number, seen in SEEN.items():
        yield Row(f"orientation {number}, as stored", lambda n=number: tiff(image(pixels, t274=n)), pixels)
        yield Row(
            f"orientation {number}, as seen", lambda n=number: tiff(image(pixels, t274=n)), seen(pixels), oriented=True
        )
        yield Row(
            f"orientation {number}, colour as seen",
            lambda n=number: tiff(image(colour, t274=n)),
            seen(colour),
            oriented=True,
        )
        turned = PillowImage.fromarray(np.repeat(np.repeat(pixels[:8, :8], 8, 0), 8, 1)[:, :48])
        exif = PillowImage.Exif()
        exif[274] = number
        data = pillow(turned, "JPEG", quality=95, exif=exif)
        stored = np.asarray(PillowImage.open(io.BytesIO(data)))
        yield Row(f"JPEG of orientation {number}, as stored", lambda d=data: d, stored)
        yield Row(f"JPEG of orientation {number}, as seen", lambda d=data: d, seen(stored), oriented=True)
    yield Row("orientation 9, as stored", lambda: tiff(image(pixels, t274=9)), pixels)
    yield Row("orientation 9, as seen", lambda: tiff(image(pixels, t274=9)), refused="orientation of 9", oriented=True)
    yield Row("orientation 0, as seen", lambda: tiff(image(pixels, t274=0)), pixels, oriented=True)
