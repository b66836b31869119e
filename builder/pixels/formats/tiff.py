"""TIFF and BigTIFF, with what microscopes write in it: OME, ImageJ, MetaMorph files, Opera ``.flex``.

A plane is a page of the file (an image file directory), from 0, in stored order. The common encodings (no compression,
LZW, Deflate, PackBits, with or without differencing, strips or tiles, 8 bits and more) are decoded here into an array
made beforehand, each strip bounded by its own size; tifffile decodes the others (1 to 12 bits, JPEG, CCITT, JPEG 2000
...) after the same checks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
from collections.abc import Callable
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from builder.pixels.formats import limits
from builder.pixels.formats.tiff_page import Page, Tiff

_MAGIC: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _PALETTE = 0, 3
_UNCOMPRESSED = 1
_DECOMPRESS: Final[dict[int, Callable[..., bytes | bytearray]]] = {
    5: imagecodecs.lzw_decode,
    8: imagecodecs.deflate_decode,
    32946: imagecodecs.deflate_decode,
    32773: imagecodecs.packbits_decode,
}


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a TIFF or BigTIFF."""
    return len(data) >= 16 and data.startswith(_MAGIC)


def decode(data: bytes, plane: int, max_pixels: int) -> npt.NDArray[Any]:
    """Return a page at its own depth: (H, W) or (H, W, 3 or 4), colours of a palette looked up, 0 always black."""
    file = Tiff(data)
    count = plane + 1 if plane >= 0 and file.has(plane) else file.count()
    with contextlib.ExitStack() as opened:
        theirs = functools.cache(lambda: opened.enter_context(tifffile.TiffFile(io.BytesIO(data))))
        return limits.pick(
            count,
            plane,
            lambda number: _decode_page(data, file.page(number), max_pixels, lambda: theirs().pages.get(number)),
        )


def _decode_page(data: bytes, page: Page, max_pixels: int, theirs: Callable[[], Any]) -> npt.NDArray[Any]:
    pixel_bytes = -(-max(page.bits) // 8) * page.samples
    for width, height in ((page.width, page.height), (page.segment_width, page.segment_height)):
        limits.check_size(width, height, max_pixels, pixel_bytes)
    dtype = _dtype(page)
    if dtype is None or (page.compression != _UNCOMPRESSED and page.compression not in _DECOMPRESS):
        pixels = _through_tifffile(theirs().aspage(), page, max_pixels)
    else:
        pixels = _decode_segments(data, _joined(page, dtype), dtype)
    return _as_light(pixels, page)


def _dtype(page: Page) -> np.dtype[Any] | None:
    """Return the type of a sample where this module decodes it."""
    kind = {1: "u", 2: "i", 3: "f"}.get(page.sample_format)
    plain = page.fill_order == 1 and len(set(page.bits)) == 1 and page.photometric <= _PALETTE
    if kind is None or not plain or page.bits[0] not in ((32, 64) if kind == "f" else (8, 16, 32, 64)):
        return None
    if page.predictor != 1 and (page.predictor != 2 or kind == "f"):
        return None
    return np.dtype(f"{page.order}{kind}{page.bits[0] // 8}")


def _joined(page: Page, dtype: np.dtype[Any]) -> Page:
    """Return the page with uncompressed strips that follow each other without a gap as one: many hold a row each."""
    if page.tiled or page.separate or page.compression != _UNCOMPRESSED or not page.counts:
        return page
    step = page.segment_width * page.segment_height * page.samples * dtype.itemsize
    total = page.width * page.height * page.samples * dtype.itemsize
    if page.offsets != tuple(page.offsets[0] + step * i for i in range(len(page.offsets))) or sum(page.counts) < total:
        return page
    return dataclasses.replace(page, segment_height=page.height, offsets=page.offsets[:1], counts=(total,))


def _decode_segments(data: bytes, page: Page, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return (H, W) or (H, W, samples) of the page's strips or tiles."""
    planes = page.samples if page.separate else 1
    inner = 1 if page.separate else page.samples
    across, down = -(-page.width // page.segment_width), -(-page.height // page.segment_height)
    out = np.empty((planes, page.height, page.width, inner), dtype.newbyteorder("="))
    for number in range(planes * across * down):
        rest, column = divmod(number, across)
        plane, row = divmod(rest, down)
        y, x = row * page.segment_height, column * page.segment_width
        height = page.segment_height if page.tiled else min(page.segment_height, page.height - y)
        segment = _segment(data, page, number, dtype, height * page.segment_width * inner)
        pixels = segment.reshape(height, page.segment_width, inner)
        if page.predictor == 2:
            pixels = np.add.accumulate(pixels, axis=1, dtype=out.dtype)
        place = out[plane, y : y + height, x : x + page.segment_width]
        place[...] = pixels[: place.shape[0], : place.shape[1]]
    if page.samples == 1:
        return out[0, :, :, 0]
    return np.ascontiguousarray(np.moveaxis(out[..., 0], 0, -1)) if page.separate else out[0]


def _segment(data: bytes, page: Page, number: int, dtype: np.dtype[Any], values: int) -> npt.NDArray[Any]:
    """Return the values of one strip or tile, as stored."""
    start, size = page.offsets[number], values * dtype.itemsize
    if page.compression == _UNCOMPRESSED:
        held = min(page.counts[number] if page.counts else size, len(data) - start)
        if held < size:
            raise limits.unreadable(f"TIFF strip or tile {number} holds {held} of {size} bytes")
        return np.frombuffer(data, dtype, values, start)
    if not page.counts:
        raise limits.unreadable("compressed TIFF without the sizes of its strips")
    padded = page.segment_height * page.segment_width * (1 if page.separate else page.samples) * dtype.itemsize
    packed = memoryview(data)[start : start + page.counts[number]]
    raw = _DECOMPRESS[page.compression](packed, out=padded)  # some writers fill up the last strip
    if len(raw) < size:
        raise limits.unreadable(f"TIFF strip or tile {number} unpacks to {len(raw)} of {size} bytes")
    return np.frombuffer(raw, dtype, values)


def _through_tifffile(theirs: tifffile.TiffPage, page: Page, max_pixels: int) -> npt.NDArray[Any]:
    shape = (theirs.imagelength, theirs.imagewidth, theirs.samplesperpixel)
    if shape != (page.height, page.width, page.samples) or theirs.imagedepth != 1 or theirs.dtype is None:
        raise limits.unreadable(f"TIFF page that two readers understand differently: {shape}"[:200])
    limits.check_size(theirs.tilewidth or 1, theirs.tilelength or 1, max_pixels, theirs.dtype.itemsize * shape[2])
    pixels: npt.NDArray[Any] = theirs.asarray(maxworkers=1)
    if page.separate and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _as_light(pixels: npt.NDArray[Any], page: Page) -> npt.NDArray[Any]:
    """Return values that grow with light: a palette's colours, inverted where 0 is white, no lone opacity."""
    if page.photometric == _PALETTE and pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16):
        colours = np.array(page.palette, np.uint16)
        if colours.size != 3 << page.bits[0]:
            raise limits.unreadable(f"TIFF palette of {colours.size} values for {page.bits[0]} bits")
        return np.take(colours.reshape(3, -1).T, pixels, axis=0)
    if pixels.ndim == 3 and pixels.shape[2] == 2:
        pixels = pixels[..., 0]
    if page.photometric == _WHITE_IS_ZERO and pixels.dtype.kind in "bu":
        top = True if pixels.dtype.kind == "b" else (1 << page.bits[0]) - 1
        inverted: npt.NDArray[Any] = top ^ pixels
        return inverted
    return pixels
