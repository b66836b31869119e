"""Conversion of samples to channels whose values grow with light.

Ink, palettes, luma and chroma, and where 0 is white. TIFF 6.0, sections 5, 16, 18, 20 and 21.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from builder.pixels.formats import limits, tiff_codecs
from builder.pixels.formats.tiff_page import ALPHA, FLOAT, PALETTE, RGB, SEPARATED, SIGNED, WHITE_IS_ZERO, YCBCR, Page

Array = npt.NDArray[Any]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, the default of tag 529
_BLACK_AND_WHITE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)  # the default of tag 532 for YCbCr


def check(page: Page) -> None:
    """Reject colours that are not converted, before anything is decoded."""
    if page.photometric == WHITE_IS_ZERO and page.sample_format != 1:
        kind = "floats" if page.sample_format == FLOAT else "signed numbers"
        raise limits.unreadable(f"TIFF whose 0 is white, of {kind}: no value of them is black")
    if page.photometric in (PALETTE, SEPARATED, YCBCR) and page.sample_format in (SIGNED, FLOAT):
        raise limits.unreadable(f"TIFF of colour {page.photometric} whose samples are no unsigned numbers")
    if page.photometric == PALETTE and page.bits > 16:
        raise limits.unreadable(f"TIFF palette for {page.bits} bits")
    if page.photometric == SEPARATED:
        top, dots = (1 << page.bits) - 1, page.directory.numbers(336)
        if page.bits not in (8, 16) or (dots and tuple(dots) != (0, top) * (len(dots) // 2)):
            raise limits.unreadable(f"TIFF of {page.bits}-bit inks with a range of {dots}")
    if page.photometric == YCBCR and page.bits != 8:
        raise limits.unreadable(f"TIFF of YCbCr colour with {page.bits} bits")


def channels(pixels: Array, page: Page) -> tuple[Array, ...]:
    """Return the grey or colour channel, then further channels.

    ``pixels`` is (H, W, samples); each other sample that is no opacity is a channel. Colour is (H, W, 3), with one
    opacity (H, W, 4); the opacity of other channels is dropped.
    """
    first = _to_light(pixels[..., : page.colours], page)
    others = tuple(k for k, kind in enumerate(page.extra, page.colours) if kind not in ALPHA)
    if page.photometric == RGB and len(page.extra) == 1 and not others:
        return (np.ascontiguousarray(pixels),)
    return (first, *(np.ascontiguousarray(pixels[..., k]) for k in others))


def _to_light(pixels: Array, page: Page) -> Array:
    if page.photometric == PALETTE:
        return _looked_up(pixels[..., 0], page)
    if page.photometric == SEPARATED:
        return _without_ink(pixels, (1 << page.bits) - 1)
    if page.photometric == YCBCR and not tiff_codecs.gives_colour(page):
        return from_luma(pixels, page)
    if page.compression == tiff_codecs.APERIO_YCBCR and page.colours == 3:
        return from_luma(pixels, page)
    if page.colours == 3:
        return np.ascontiguousarray(pixels)
    grey = np.ascontiguousarray(pixels[..., 0])
    if page.photometric != WHITE_IS_ZERO:
        return grey
    inverted: Array = ~grey if grey.dtype.kind == "b" else grey.dtype.type((1 << page.bits) - 1) ^ grey
    return inverted


def _looked_up(indices: Array, page: Page) -> Array:
    colours = np.array(page.directory.numbers(320), np.uint16)
    if colours.size != 3 << page.bits:
        raise limits.unreadable(f"TIFF palette of {colours.size} values for {page.bits} bits")
    return np.take(colours.reshape(3, -1).T, indices.astype(np.uint16), axis=0)


def _without_ink(inks: Array, top: int) -> Array:
    """Convert CMYK ink to RGB."""
    left = (top - inks.astype(np.uint64)).astype(np.uint64)
    out: Array = (left[..., :3] * left[..., 3:] + np.uint64(top // 2)) // np.uint64(top)
    return out.astype(inks.dtype)


def from_luma(pixels: Array, page: Page) -> Array:
    """Convert luma and two chromas to RGB, uint8.

    See TIFF 6.0, section 21.
    """
    red, green, blue = page.directory.ratios(529) or _LUMA
    limits_ = page.directory.ratios(532) or _BLACK_AND_WHITE
    if len(limits_) != 6 or green == 0 or any(limits_[k] == limits_[k + 1] for k in (0, 2, 4)):
        raise limits.unreadable("TIFF of YCbCr colour with impossible coefficients or reference values")
    scaled = [
        (pixels[..., k].astype(np.float64) - limits_[2 * k]) * (full / (limits_[2 * k + 1] - limits_[2 * k]))
        for k, full in enumerate((255, 127, 127))
    ]
    luma, chroma_blue, chroma_red = scaled
    r = luma + chroma_red * (2 - 2 * red)
    b = luma + chroma_blue * (2 - 2 * blue)
    g = (luma - red * r - blue * b) / green
    return np.rint(np.clip(np.stack([r, g, b], axis=-1), 0, 255)).astype(np.uint8)


def units(page: Page) -> tuple[int, int]:
    """Return how many pixels across and down share a chroma.

    This is for samples that no codec has put in order.
    """
    if page.photometric != YCBCR or tiff_codecs.gives_pixels(page):
        return 1, 1
    found = page.directory.numbers(530) or (2, 2)
    if len(found) != 2 or any(n not in (1, 2, 4) for n in found) or (page.separate and found != (1, 1)):
        raise limits.unreadable(f"TIFF of YCbCr colour with subsampling {found}")
    if found != (1, 1) and page.extra:
        raise limits.unreadable("TIFF of subsampled YCbCr colour with extra samples")
    return found


def units_bytes(page: Page, rows: int, shared: tuple[int, int]) -> int:
    """Return the bytes of so many rows of subsampled data."""
    across, down = shared
    return -(-page.segment_width // across) * -(-rows // down) * (across * down + 2)


def spread(raw: bytes | bytearray | memoryview, page: Page, rows: int, shared: tuple[int, int]) -> Array:
    """Return subsampled data as (rows, width, 3), each chroma repeated.

    The data are units of some luma samples and two chromas.
    """
    across, down = shared
    wide, high = -(-page.segment_width // across), -(-rows // down)
    size = across * down + 2
    found = np.frombuffer(raw, np.uint8, wide * high * size).reshape(high, wide, size)
    out = np.empty((high, down, wide, across, 3), np.uint8)
    out[..., 0] = found[..., :-2].reshape(high, wide, down, across).transpose(0, 2, 1, 3)
    out[..., 1:] = found[:, None, :, None, -2:]
    return out.reshape(high * down, wide * across, 3)[:rows, : page.segment_width]
