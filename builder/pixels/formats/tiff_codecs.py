"""Compressions of TIFF.

Some give bytes, some give pixels, and the others are refused by name. Numbers: TIFF 6.0, its supplements, and the
registry in https://libtiff.gitlab.io/libtiff/ ("TIFF codecs").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from builder.pixels.formats import limits
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
_SILENT: Final = (5, 34925)
"""Decoders that do not say when there is more than ``out``."""
APERIO_YCBCR: Final = 33003

JPEG_2000: Final = (APERIO_YCBCR, 33004, 33005, 34712)
WEBP: Final = (34927, 50001)
PNG: Final = 34933
JPEG_XR: Final = (22610, 34934)
JPEG_XL: Final = (50002, 52546)
LERC: Final = 34887
TO_PIXELS: Final[dict[int, Callable[..., Array]]] = {
    **dict.fromkeys(JPEG_2000, imagecodecs.jpeg2k_decode),
    **dict.fromkeys(JPEG_XR, imagecodecs.jpegxr_decode),
    **dict.fromkeys(WEBP, imagecodecs.webp_decode),
    **dict.fromkeys(JPEG_XL, imagecodecs.jpegxl_decode),
    LERC: imagecodecs.lerc_decode,
    PNG: imagecodecs.png_decode,
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
    """Reject unsupported compressions, by name, and meaningless combinations."""
    known = page.compression in (NONE, OLD_JPEG, JPEG, *CCITT, *TO_BYTES, *TO_PIXELS)
    if not known:
        name = _NAMES.get(page.compression, "unknown")
        raise limits.unreadable(f"TIFF with compression {page.compression} ({name})")
    if page.compression in CCITT and (page.bits != 1 or page.samples != 1):
        raise limits.unreadable(f"TIFF with a fax compression of {page.samples} samples of {page.bits} bits")
    if page.compression in _COLOURED and page.photometric in (SEPARATED, YCBCR) and page.compression not in WEBP:
        raise limits.unreadable(f"TIFF with compression {page.compression} of colour {page.photometric}")


def gives_pixels(page: Page) -> bool:
    """Return whether the codec gives pixels instead of bytes."""
    return page.compression in TO_PIXELS or page.compression in (OLD_JPEG, JPEG, *CCITT)


def gives_colour(page: Page) -> bool:
    """Return whether the codec has converted colours to RGB already."""
    return page.compression in _COLOURED or (page.compression in (OLD_JPEG, JPEG) and page.photometric in (RGB, YCBCR))


def takes_fill_order(page: Page) -> bool:
    """Return whether fill order 2 has a meaning.

    Fill order 2 is the lowest bit first; a JPEG ignores it.
    """
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
        raw = TO_BYTES[page.compression](raw, out=2 * most if page.compression in _SILENT else most)
        if len(raw) >= 2 * most:
            found = f"{page.samples} x {page.bits} bits"
            raise limits.unreadable(f"TIFF strip or tile that unpacks to twice what {found} need, or more")
    if len(raw) < least:
        raise limits.unreadable(f"TIFF strip or tile of {len(raw)} of {least} bytes")
    return raw


def sample_type(page: Page) -> np.dtype[Any]:
    """Return the type of a sample once unpacked.

    It is in the machine's byte order; one bit is bool.
    """
    if page.sample_format == FLOAT:
        return np.dtype(f"f{max(page.bits, 16) // 8}" if page.bits != 24 else "f4")
    size = next(size for size in (1, 2, 4, 8) if page.bits <= 8 * size)
    return np.dtype(bool) if page.bits == 1 else np.dtype(f"{'i' if page.sample_format == SIGNED else 'u'}{size}")
