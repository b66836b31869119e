"""Strips and tiles of TIFFs whose codec gives pixels.

Fax, JPEG in its kinds, JPEG 2000, JPEG XR, WebP, LERC and PNG. What a decoder says of their size and type must be what
the directory says; what was cut is refused (``cut``).
"""

from __future__ import annotations

import struct
from typing import Any, Final

import imagecodecs
import numpy.typing as npt

from builder.pixels.formats import cut, jpeg_markers, jpeg_xr, limits, stated_size
from builder.pixels.formats.tiff_codecs import (
    CCITT,
    JPEG,
    JPEG_2000,
    JPEG_XL,
    JPEG_XR,
    LERC,
    OLD_JPEG,
    PNG,
    TO_PIXELS,
    WEBP,
    sample_type,
)
from builder.pixels.formats.tiff_page import RGB, SEPARATED, YCBCR, Page

Array = npt.NDArray[Any]

_STATED_SIZES: Final = {
    **dict.fromkeys(JPEG_2000, stated_size.jpeg_2000),
    **dict.fromkeys(WEBP, stated_size.webp),
    **dict.fromkeys(JPEG_XL, stated_size.jpeg_xl),
    LERC: stated_size.lerc,
    PNG: stated_size.png,
}


def pixels(packed: bytes, page: Page, rows: int) -> Array:
    """Decode a strip or tile to (rows, width, samples).

    Raises
    ------
    RejectedError
        "unreadable" where it gives another size or type than the directory says.
    """
    width, samples = page.segment_width, page.inner
    if page.compression in CCITT:
        return _fax(packed, page, rows)
    if page.compression in (OLD_JPEG, JPEG):
        out = _jpeg(packed, page, rows)
    else:
        options: dict[str, Any] = {"hasalpha": samples == 4} if page.compression in WEBP else {}
        _check_stated_size(packed, page, rows)
        out = TO_PIXELS[page.compression](packed, **options)
        if page.compression in JPEG_XR and cut.is_cut(imagecodecs.jpegxr_decode, packed):
            raise limits.unreadable("TIFF strip or tile whose JPEG XR was cut")
    found = out.reshape(out.shape[0], out.shape[1], -1) if out.ndim in (2, 3) else out
    if found.shape[:2] == (page.segment_height, width):
        found = found[:rows]  # the last strip is filled up by some writers
    if found.shape != (rows, width, samples) or found.dtype != sample_type(page):
        wanted = f"{(rows, width, samples)} {sample_type(page)}"
        raise limits.unreadable(f"TIFF strip or tile of {found.shape} {found.dtype} where the file says {wanted}")
    return found


def _check_stated_size(packed: bytes, page: Page, rows: int) -> None:
    """Reject data whose stated size or samples do not fit.

    Checked before decoding: they may not be larger than their strip, or of other samples.
    """
    try:
        if page.compression in JPEG_XR:
            _check_jpeg_xr(jpeg_xr.header(packed), page, rows)
            return
        sizes = list(_STATED_SIZES[page.compression](packed))
    except (ValueError, IndexError, struct.error) as error:
        raise limits.unreadable(f"TIFF strip or tile whose data say no size ({error})") from None
    for width, height, samples in sizes:
        if width > page.segment_width or height > max(rows, page.segment_height):
            raise limits.unreadable(f"TIFF strip or tile whose data say {width} x {height} pixels")
        if samples > page.inner:
            raise limits.unreadable(f"TIFF strip or tile whose data say {samples} samples, and the file {page.inner}")


def _check_jpeg_xr(said: jpeg_xr.Header, page: Page, rows: int) -> None:
    if said.width != page.segment_width or said.height not in (rows, page.segment_height):
        raise limits.unreadable(f"TIFF strip or tile whose data say {said.width} x {said.height} pixels")
    if (said.samples, said.kind) != (page.inner, sample_type(page)):
        raise limits.unreadable(f"TIFF strip or tile whose data say {said.samples} samples of {said.kind}")


def _fax(stored: bytes, page: Page, rows: int) -> Array:
    packed = bytes(imagecodecs.bitorder_decode(stored)) if page.fill_order == 2 else stored
    width = page.segment_width

    def decode(data: bytes) -> Array:
        if page.compression == 2:
            return imagecodecs.ccittrle_decode(data, rows, width)
        if page.compression == 3:
            return imagecodecs.ccittfax3_decode(data, rows, width, t4options=page.directory.one(292, 0))
        return imagecodecs.ccittfax4_decode(data, rows, width)

    if cut.is_cut(decode, packed):
        raise limits.unreadable("TIFF strip or tile whose fax data were cut")
    return decode(packed).reshape(rows, width, 1).astype(bool)


def _jpeg(packed: bytes, page: Page, rows: int) -> Array:
    tables = page.directory.raw(347)
    facts = jpeg_markers.markers(packed)
    if facts.width != page.segment_width or facts.height not in (rows, page.segment_height):
        raise limits.unreadable(f"TIFF strip or tile whose JPEG says {facts.width} x {facts.height} pixels")
    if len(facts.components) != page.inner or page.extra:
        raise limits.unreadable(f"TIFF of {page.samples} samples with a JPEG of {len(facts.components)}")
    if facts.precision != page.bits:
        raise limits.unreadable(f"TIFF of {page.bits} bits with a JPEG of {facts.precision}")
    if facts.frame == jpeg_markers.LOSSLESS and page.photometric == YCBCR:
        raise limits.unreadable("TIFF with a lossless JPEG of YCbCr colour")
    stored, wanted = _spaces(page, facts)

    def decode(stream: bytes) -> Array:
        if facts.frame == jpeg_markers.LOSSLESS:
            return imagecodecs.ljpeg_decode(jpeg_markers.with_tables(stream, tables))
        return imagecodecs.jpeg8_decode(stream, tables=tables or None, colorspace=stored, outcolorspace=wanted)

    out = decode(packed)
    suspect = not facts.ends or jpeg_markers.may_lack_data(out, facts)
    if suspect and cut.is_cut(decode, jpeg_markers.entropy(packed, facts), b"\xff\xd9"):
        raise limits.unreadable("TIFF strip or tile whose JPEG was cut")
    return out


def _spaces(page: Page, facts: jpeg_markers.Jpeg) -> tuple[str | None, str | None]:
    """Return a JPEG's stored and wanted colour spaces.

    Where a marker of JFIF or Adobe says it, that counts; else the directory.
    """
    if page.inner == 1:
        return "GRAYSCALE", "GRAYSCALE"
    if page.photometric == SEPARATED:
        if facts.adobe is not None:
            raise limits.unreadable("TIFF with a JPEG of Adobe's inks")
        return "CMYK", "CMYK"
    if page.photometric not in (RGB, YCBCR):
        return "UNKNOWN", "UNKNOWN"
    if facts.adobe is not None:
        return ("YCBCR" if facts.adobe == 1 else "RGB"), "RGB"
    return ("YCBCR" if facts.jfif or page.photometric == YCBCR else "RGB"), "RGB"
