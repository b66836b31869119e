"""The compressions of TIFF: which give bytes, which give pixels, and which are refused by name.

Numbers: TIFF 6.0, its supplements, and the registry in https://libtiff.gitlab.io/libtiff/ ("TIFF codecs").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from builder.pixels.formats import jpeg_markers, limits
from builder.pixels.formats.tiff_page import FLOAT, RGB, SEPARATED, SIGNED, YCBCR, Page

Array = npt.NDArray[Any]

NONE, CCITT, OLD_JPEG, JPEG = 1, (2, 3, 4), 6, 7

TO_BYTES: Final[dict[int, Callable[..., bytes | bytearray]]] = {
    5: imagecodecs.lzw_decode,
    8: imagecodecs.deflate_decode,
    32946: imagecodecs.deflate_decode,
    32773: imagecodecs.packbits_decode,
    34925: imagecodecs.lzma_decode,
    34926: imagecodecs.zstd_decode,
    50000: imagecodecs.zstd_decode,
}
"""Decoders that take ``out``, the most bytes there may be."""
SELF_ENDING: Final = frozenset({5, 8, 32946})
"""Codecs whose data say where they end, whatever follows."""
PREDICTED: Final = frozenset({5, 8, 32946, 34925, 34926, 50000})
"""Codecs that differencing goes with; with others the tag Predictor has no meaning, as in libtiff."""
APERIO_YCBCR: Final = 33003

_JPEG_2000: Final = (APERIO_YCBCR, 33004, 33005, 34712)
_TO_PIXELS: Final[dict[int, Callable[..., Array]]] = {
    **dict.fromkeys(_JPEG_2000, imagecodecs.jpeg2k_decode),
    22610: imagecodecs.jpegxr_decode,
    34934: imagecodecs.jpegxr_decode,
    34887: imagecodecs.lerc_decode,
    34927: imagecodecs.webp_decode,
    50001: imagecodecs.webp_decode,
    34933: imagecodecs.png_decode,
    50002: imagecodecs.jpegxl_decode,
    52546: imagecodecs.jpegxl_decode,
}
_COLOURED: Final = frozenset({22610, 34934, 34927, 50001, 50002, 52546})
"""Codecs that know colour themselves and give red, green and blue."""
_NAMES: Final = {
    OLD_JPEG: "old-style JPEG",
    9: "JBIG",
    10: "JBIG colour",
    99: "Leaf lossless JPEG",
    262: "Kodak",
    32766: "NeXT",
    32767: "Sony raw",
    32769: "packed raw",
    32770: "Samsung raw",
    32771: "CCITT run lengths of whole words",
    32809: "ThunderScan",
    32895: "TIFF/IT CT",
    32896: "TIFF/IT line work",
    32897: "TIFF/IT monochrome",
    32898: "TIFF/IT binary line art",
    32908: "Pixar film",
    32909: "Pixar log",
    32947: "Kodak DCS",
    33007: "JPEG of another kind",
    34661: "JBIG",
    34676: "SGI log luminance",
    34677: "SGI log luminance, 24 bits",
    34692: "LuraWave",
    34713: "Nikon raw",
    34715: "JBIG 2",
    34892: "lossy JPEG of raw data",
    48124: "Jetraw",
    50013: "Pixtiff",
    65000: "electron events",
    65001: "electron events",
    65002: "electron events",
}


def check(page: Page) -> None:
    """Reject a compression that is not read, by name, and combinations that have no meaning."""
    known = page.compression in (NONE, OLD_JPEG, JPEG, *CCITT, *TO_BYTES, *_TO_PIXELS)
    if not known:
        name = _NAMES.get(page.compression, "unknown")
        raise limits.unreadable(f"TIFF with compression {page.compression} ({name})")
    if page.compression in CCITT and (page.bits != 1 or page.samples != 1):
        raise limits.unreadable(f"TIFF with a fax compression of {page.samples} samples of {page.bits} bits")
    if page.compression in _COLOURED and page.photometric in (SEPARATED, YCBCR) and page.compression not in _WEBP:
        raise limits.unreadable(f"TIFF with compression {page.compression} of colour {page.photometric}")


_WEBP: Final = (34927, 50001)


def gives_pixels(page: Page) -> bool:
    """Return whether the codec gives pixels instead of bytes."""
    return page.compression in _TO_PIXELS or page.compression in (OLD_JPEG, JPEG, *CCITT)


def gives_colour(page: Page) -> bool:
    """Return whether the codec has turned colours into red, green and blue already."""
    return page.compression in _COLOURED or (page.compression in (OLD_JPEG, JPEG) and page.photometric in (RGB, YCBCR))


def takes_fill_order(page: Page) -> bool:
    """Return whether fill order 2, the lowest bit first, has a meaning: a JPEG is what it is."""
    return page.compression in (NONE, JPEG, *CCITT, *TO_BYTES)


def to_bytes(packed: memoryview, page: Page, most: int, least: int) -> bytes | bytearray | memoryview:
    """Return the unpacked bytes of a strip or tile.

    Parameters
    ----------
    most, least : bytes that it may have (some writers fill up the last strip), and must have

    Raises
    ------
    RejectedError
        "unreadable" where it has fewer.
    """
    raw: bytes | bytearray | memoryview = packed
    if page.fill_order == 2:
        raw = imagecodecs.bitorder_decode(bytes(packed))
    if page.compression != NONE:
        raw = TO_BYTES[page.compression](raw, out=most)
    if len(raw) < least:
        raise limits.unreadable(f"TIFF strip or tile of {len(raw)} of {least} bytes")
    return raw


def sample_type(page: Page) -> np.dtype[Any]:
    """Return the type of a sample once unpacked, in the machine's byte order; one bit is bool."""
    if page.sample_format == FLOAT:
        return np.dtype(f"f{max(page.bits, 16) // 8}" if page.bits != 24 else "f4")
    size = next(size for size in (1, 2, 4, 8) if page.bits <= 8 * size)
    return np.dtype(bool) if page.bits == 1 else np.dtype(f"{'i' if page.sample_format == SIGNED else 'u'}{size}")


def pixels(packed: bytes, page: Page, rows: int) -> Array:
    """Return (rows, width, samples) of a strip or tile whose codec gives pixels.

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
        options: dict[str, Any] = {"hasalpha": samples == 4} if page.compression in _WEBP else {}
        _check_stated_size(packed, page, rows)
        out = _TO_PIXELS[page.compression](packed, **options)
    found = out.reshape(out.shape[0], out.shape[1], -1) if out.ndim in (2, 3) else out
    if found.shape[:2] == (page.segment_height, width):
        found = found[:rows]  # the last strip is filled up by some writers
    if found.shape != (rows, width, samples) or found.dtype != sample_type(page):
        wanted = f"{(rows, width, samples)} {sample_type(page)}"
        raise limits.unreadable(f"TIFF strip or tile of {found.shape} {found.dtype} where the file says {wanted}")
    return found


def _check_stated_size(packed: bytes, page: Page, rows: int) -> None:
    """Reject JPEG 2000 and PNG data that say they are larger than their strip, before they are decoded."""
    found = None
    at = packed.find(b"\xff\x51") if page.compression in _JPEG_2000 else -1
    if 0 <= at <= len(packed) - 24:
        right, bottom, left, top = (int.from_bytes(packed[at + 6 + 4 * k : at + 10 + 4 * k], "big") for k in range(4))
        found = (right - left, bottom - top)
    elif page.compression == 34933 and len(packed) >= 24:
        found = (int.from_bytes(packed[16:20], "big"), int.from_bytes(packed[20:24], "big"))
    if found is not None and (found[0] > page.segment_width or found[1] > max(rows, page.segment_height)):
        raise limits.unreadable(f"TIFF strip or tile whose data say {found[0]} x {found[1]} pixels")


def _fax(stored: bytes, page: Page, rows: int) -> Array:
    packed = bytes(imagecodecs.bitorder_decode(stored)) if page.fill_order == 2 else stored
    width = page.segment_width
    if page.compression == 2:
        out = imagecodecs.ccittrle_decode(packed, rows, width)
    elif page.compression == 3:
        out = imagecodecs.ccittfax3_decode(packed, rows, width, t4options=page.directory.one(292, 0))
    else:
        out = imagecodecs.ccittfax4_decode(packed, rows, width)
    return out.reshape(rows, width, 1).astype(bool)


def _jpeg(packed: bytes, page: Page, rows: int) -> Array:
    tables = page.directory.raw(347)
    facts = jpeg_markers.markers(packed)
    if facts.width != page.segment_width or facts.height not in (rows, page.segment_height):
        raise limits.unreadable(f"TIFF strip or tile whose JPEG says {facts.width} x {facts.height} pixels")
    if len(facts.components) != page.inner or page.extra:
        raise limits.unreadable(f"TIFF of {page.samples} samples with a JPEG of {len(facts.components)}")
    if facts.precision != page.bits:
        raise limits.unreadable(f"TIFF of {page.bits} bits with a JPEG of {facts.precision}")
    if facts.frame == jpeg_markers.LOSSLESS:
        if page.photometric == YCBCR:
            raise limits.unreadable("TIFF with a lossless JPEG of YCbCr colour")
        return imagecodecs.ljpeg_decode(jpeg_markers.with_tables(packed, tables))
    stored, wanted = _spaces(page, facts)
    return imagecodecs.jpeg8_decode(packed, tables=tables or None, colorspace=stored, outcolorspace=wanted)


def _spaces(page: Page, facts: jpeg_markers.Jpeg) -> tuple[str | None, str | None]:
    """Return the colour in which a JPEG is stored and wanted.

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
