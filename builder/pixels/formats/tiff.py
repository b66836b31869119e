"""TIFF of every kind that microscopes write (TIFF 6.0, BigTIFF, OME, ImageJ, ``.flex``, ``.stk``), through tifffile.

A plane is a page of the file (an image file directory), from 0, in stored order. Pages are checked before they are
decoded: their size, and that every strip or tile lies inside the file.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from builder.pixels.formats import limits

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_PLANES = 100_000


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a TIFF or BigTIFF."""
    return data.startswith(_MAGIC)


def decode(data: bytes, plane: int, max_pixels: int) -> npt.NDArray[Any]:
    """Return a page at its own depth: (H, W) or (H, W, 3 or 4), colours of a palette looked up, 0 always black."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        pages = file.pages
        if plane >= 0:
            if plane and plane >= len(pages):
                raise limits.unreadable(f"plane {plane} of {len(pages)} (the first is 0)")
            return _read(pages.get(plane), len(data), max_pixels)
        return limits.pick(len(pages), plane, lambda number: _read(pages.get(number), len(data), max_pixels))


def _read(page: Any, file_size: int, max_pixels: int) -> npt.NDArray[Any]:
    if not isinstance(page, tifffile.TiffPage):
        page = page.aspage()
    _check(page, file_size, max_pixels)
    pixels = page.asarray(maxworkers=1)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        return np.moveaxis(page.colormap[:, pixels], 0, -1)
    pixels = _last_samples(pixels, page)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind in "bu":
        top = True if pixels.dtype.kind == "b" else (1 << page.bitspersample) - 1
        return top ^ pixels
    return pixels


def _check(page: tifffile.TiffPage, file_size: int, max_pixels: int) -> None:
    limits.check_size(page.imagewidth, page.imagelength, max_pixels)
    if page.imagedepth != 1 or page.samplesperpixel not in (1, 2, 3, 4) or page.dtype is None:
        raise limits.unreadable(
            f"TIFF page of {page.samplesperpixel} samples, {page.bitspersample} bits, depth {page.imagedepth}"
        )
    if page.is_tiled:
        limits.check_size(page.tilewidth, page.tilelength, max_pixels)
    if not page.dataoffsets or len(page.dataoffsets) != len(page.databytecounts):
        raise limits.unreadable("TIFF page without pixels")
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count < 1 or offset < 8 or offset + count > file_size:
            raise limits.unreadable(f"TIFF strip of {count} bytes at {offset} in a file of {file_size}")


def _last_samples(pixels: npt.NDArray[Any], page: tifffile.TiffPage) -> npt.NDArray[Any]:
    """Return (H, W) or (H, W, 3 or 4) of a page with its samples before or after the pixels."""
    samples = page.samplesperpixel
    if samples == 1:
        return pixels.reshape(page.imagelength, page.imagewidth)
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        pixels = np.moveaxis(pixels.reshape(samples, page.imagelength, page.imagewidth), 0, -1)
    return pixels[..., 0] if samples == 2 else pixels
