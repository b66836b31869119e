"""Rows: how many planes a TIFF has, and which."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import imagecodecs
import numpy as np
import tifffile

from builder.pixels.read import MAX_PROJECTION, MIDDLE_PLANE
from tests.pixels.made_up_files import tiff as library_tiff
from tests.pixels.table import HEIGHT, WIDTH, Row, grey, samples
from tests.pixels.tiff_writer import Image, image, tiff

STACK = np.stack([grey(seed, "uint16") for seed in range(5)])
RESULTS = ((0, STACK[0]), (3, STACK[3]), (4, STACK[4]), (MIDDLE_PLANE, STACK[2]), (MAX_PROJECTION, STACK.max(axis=0)))


def rows() -> Iterator[Row]:
    yield from _counted_elsewhere()
    yield from _reduced()
    yield from _chains()


def every_plane(name: str, data: bytes) -> Iterator[Row]:
    for plane, wanted in RESULTS:
        yield Row(f"{name}, plane {plane}", lambda d=data: d, wanted, plane=plane)
    for plane in (5, 1000, -3):
        yield Row(f"{name}, plane {plane}", lambda d=data: d, refused="plane|outside", plane=plane)


def stacked(count: int = 5, order: str = "<", big: bool = False, **tags: object) -> bytes:
    """Return a TIFF of one directory and consecutive planes.

    The directory has the first plane's strips only.
    """
    body = STACK[:count].astype(f"{order}u2").tobytes()
    size = HEIGHT * WIDTH * 2
    first = image(STACK[0], order, **tags)
    found = {
        **first.tags,
        278: 8,
        273: lambda o, c: [o[0] + y * WIDTH * 2 for y in range(0, HEIGHT, 8)],
        279: [8 * WIDTH * 2, 8 * WIDTH * 2, size - 16 * WIDTH * 2],
    }
    return tiff(Image(found, [body]), order=order, big=big)


def _counted_elsewhere() -> Iterator[Row]:
    uic = (5, [1, 1] * 5 * 3, 5)  # five planes, six numbers each
    for order in "<>":
        yield from every_plane(f"STK {order}", stacked(order=order, t33629=uic))
        yield from every_plane(
            f"ImageJ, one directory {order}", stacked(order=order, t270=b"ImageJ=1.53t\nimages=5\nslices=5\n")
        )
    yield from every_plane("ImageJ, one directory, big", stacked(big=True, t270=b"ImageJ=1.53t\nimages=5\n"))
    yield from every_plane("ImageJ truncated by tifffile", library_tiff(STACK, imagej=True, truncate=True))
    yield from every_plane("ImageJ 2", stacked(t270=b"SCIFIO=0.46.0\nimages=5\nslices=5\n"))
    yield from every_plane("ImageJ", library_tiff(STACK, imagej=True))
    yield from every_plane("shaped truncated by tifffile", library_tiff(STACK, truncate=True, photometric="minisblack"))
    yield from every_plane("shaped", library_tiff(STACK, photometric="minisblack"))
    hyper = STACK[:4].reshape(2, 2, HEIGHT, WIDTH)
    yield Row(
        "ImageJ hyperstack truncated, largest",
        lambda: library_tiff(hyper, imagej=True, truncate=True, metadata={"axes": "ZCYX"}),
        STACK[:4].max(axis=0),
        plane=MAX_PROJECTION,
    )
    colours = np.stack([samples(3, seed) for seed in range(3)])
    for plane, wanted in ((0, colours[0]), (2, colours[2]), (MIDDLE_PLANE, colours[1])):
        for name, how in (("ImageJ", {"imagej": True}), ("shaped", {})):
            yield Row(
                f"{name} colours truncated, plane {plane}",
                lambda h=how: library_tiff(colours, truncate=True, photometric="rgb", **h),
                wanted,
                plane=plane,
            )
    flex = [image(plane, t65200=(2, list(b"<Root><Arrays/></Root>"))) for plane in STACK]
    yield from every_plane("Opera flex", tiff(*flex))
    few = {
        "STK": {"t33629": uic},
        "ImageJ": {"t270": b"ImageJ=1.53t\nimages=5\n"},
        "shaped": {"t270": json.dumps({"shape": [5, HEIGHT, WIDTH], "truncated": True}).encode()},
    }
    for name, tags in few.items():
        data = stacked(2, **tags)
        yield Row(f"{name} with 2 of 5 planes, the second", lambda d=data: d, STACK[1], plane=1)
        for plane in (MIDDLE_PLANE, MAX_PROJECTION, 3):
            yield Row(f"{name} with 2 of 5 planes, plane {plane}", lambda d=data: d, refused="outside", plane=plane)
    body = bytes(imagecodecs.lzw_encode(STACK[0].tobytes()))
    for name, tags in few.items():
        found = {**image(STACK[0], **tags).tags, 259: 5}
        yield Row(f"{name} compressed, the first", lambda f=found: tiff(Image(f, [body])), STACK[0])
        yield Row(
            f"{name} compressed, the middle",
            lambda f=found: tiff(Image(f, [body])),
            refused="in pieces or compressed",
            plane=MIDDLE_PLANE,
        )
    descriptions = {
        "ImageJ": b"ImageJ=1.53t\nimages=5\n",
        "shaped": json.dumps({"shape": [5, HEIGHT, WIDTH]}).encode(),
        "old shaped": f"shape=(5,{HEIGHT},{WIDTH})".encode(),
        "OME": b'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image><Pixels SizeX="22" SizeY="19" '
        b'SizeZ="5" SizeC="1" SizeT="1"><TiffData/></Pixels></Image></OME>',
    }
    for name, text in descriptions.items():
        two = [image(STACK[0], t270=text), image(STACK[1])]
        yield Row(f"{name} description of 5, 2 directories, the second", lambda t=two: tiff(*t), STACK[1], plane=1)
        for plane in (MIDDLE_PLANE, MAX_PROJECTION):
            yield Row(
                f"{name} description of 5, 2 directories, plane {plane}",
                lambda t=two: tiff(*t),
                refused="2 planes, whose description promises 5",
                plane=plane,
            )
    elsewhere = descriptions["OME"].replace(b"<TiffData/>", b'<TiffData><UUID FileName="b.ome.tif">x</UUID></TiffData>')
    yield Row(
        "OME whose other planes are in other files",
        lambda: tiff(image(STACK[1], t270=elsewhere)),
        STACK[1],
        plane=MIDDLE_PLANE,
    )
    yield Row(
        "MetaMorph with one plane", lambda: tiff(image(STACK[1], t33629=(5, [1] * 6, 1))), STACK[1], plane=MIDDLE_PLANE
    )


def _reduced() -> Iterator[Row]:
    small, mask = grey(7)[:6, :7], image(grey(), t254=4, t262=4)
    full = [image(plane) for plane in STACK[:3]]
    for name, tags in (("254", {"t254": 1}), ("255", {"t255": 2}), ("254, a page", {"t254": 3})):
        thumb = image(small, **tags)
        pages = [thumb, full[0], thumb, full[1], thumb, full[2]]
        for plane, wanted in (
            (0, STACK[0]),
            (1, STACK[1]),
            (MIDDLE_PLANE, STACK[1]),
            (MAX_PROJECTION, STACK[:3].max(axis=0)),
        ):
            yield Row(f"thumbnails by {name}, plane {plane}", lambda p=pages: tiff(*p), wanted, plane=plane)
        yield Row(f"thumbnails by {name} only", lambda t=thumb: tiff(t), refused="reduced images")
    yield Row("a mask first", lambda: tiff(mask, full[1]), STACK[1])
    levels = [image(small), image(small[:3, :3])]
    for flag in (0, 1):
        below = [Image({**level.tags, 254: flag}, level.segments) for level in levels]
        pyramid = [Image(one.tags, one.segments, below) for one in full]
        for plane, wanted in ((0, STACK[0]), (2, STACK[2]), (MIDDLE_PLANE, STACK[1])):
            yield Row(f"pyramids below, flag {flag}, plane {plane}", lambda p=pyramid: tiff(*p), wanted, plane=plane)
    thumb = image(small, t254=1)
    raw = Image(thumb.tags, thumb.segments, [image(STACK[4], t254=0)])
    for big in (False, True):
        yield Row(f"full resolution below a thumbnail, big={big}", lambda b=big: tiff(raw, big=b), STACK[4])
    beside = Image(full[0].tags, full[0].segments, [image(STACK[4])])
    yield Row("full resolution below another", lambda: tiff(beside, full[1]), STACK[4], plane=1)
    yield Row("full resolution after those below", lambda: tiff(beside, full[1]), STACK[1], plane=2)
    yield Row("OME pyramid by tifffile", lambda: ome_pyramid(), STACK[2], plane=MIDDLE_PLANE)
    sizes = [image(STACK[0]), image(grey(8, "uint16")[:9])]
    yield Row("pages of different sizes, the second", lambda: tiff(*sizes), grey(8, "uint16")[:9], plane=1)
    yield Row("pages of different sizes, largest", lambda: tiff(*sizes), refused="planes differ", plane=MAX_PROJECTION)


def ome_pyramid() -> bytes:
    out = io.BytesIO()
    with tifffile.TiffWriter(out, ome=True) as writer:
        writer.write(STACK, subifds=1, photometric="minisblack")
        writer.write(STACK[:, ::2, ::2], subfiletype=1, photometric="minisblack")
    return out.getvalue()


def _chains() -> Iterator[Row]:
    pages = [image(plane) for plane in STACK[:3]]
    for name, last in (("odd", 0xDEADBEEF), ("far away", 0xFFFFFFFE), ("largest", 0xFFFFFFFF)):
        for plane, wanted in ((2, STACK[2]), (MIDDLE_PLANE, STACK[1])):
            yield Row(f"last pointer {name}, plane {plane}", lambda n=last: tiff(*pages, last=n), wanted, plane=plane)
    whole = tiff(*pages)
    noise = np.random.default_rng(1).integers(1, 255, 200, dtype=np.uint8).tobytes()
    yield Row(
        "noise after the last directory",
        lambda: tiff(*pages, last=len(whole), after=b"") + noise,
        STACK[1],
        plane=MIDDLE_PLANE,
    )
    yield Row("last pointer into pixels", lambda: tiff(*pages, last=8), STACK[1], plane=MIDDLE_PLANE)
    yield Row("last pointer is missing", lambda: whole[:-4], STACK[1], plane=MIDDLE_PLANE)
    yield Row(
        "the directories that follow were cut off",
        lambda: tiff(*pages, last=len(whole) + 100),
        refused="TIFF directory at",
        plane=MIDDLE_PLANE,
    )
    described = [image(plane, t270=b"ImageJ=1.53t\nimages=3\n") for plane in STACK[:2]]
    lost = tiff(*described, last=2 * len(whole))
    yield Row("ImageJ whose last directory was cut off, the second", lambda: lost, STACK[1], plane=1)
    yield Row("ImageJ whose last directory was cut off, largest", lambda: lost, refused=".", plane=MAX_PROJECTION)
    yield Row(
        "the directories that follow are zeros",
        lambda: tiff(*pages, last=len(whole)) + bytes(500),
        refused="directory of 0 tags",
        plane=MIDDLE_PLANE,
    )
    floats = np.stack([grey(seed, "float32") for seed in range(3)])
    floats[0, 3:6, 4:9], floats[1, 5:8], floats[2, 0, 0], floats[:, 1, 1] = np.nan, np.nan, np.inf, np.nan
    filled = np.where(np.isnan(floats), -np.inf, floats).max(axis=0)
    filled[1, 1] = np.nan
    yield Row("the largest of floats, some missing", lambda: tiff(*map(image, floats)), filled, plane=MAX_PROJECTION)
