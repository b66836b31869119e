"""Rows: DeltaVision, and files of kinds that are not read."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image as PillowImage

from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE
from tests.pixels.made_up_files import deltavision, pillow
from tests.pixels.table import HEIGHT, WIDTH, Row, grey


def rows() -> Iterator[Row]:
    yield from _stacks()
    yield from _not_read()


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
