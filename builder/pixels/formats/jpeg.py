"""JPEG files, through Pillow's own class or imagecodecs.

Pillow decodes 8 bits; imagecodecs 12 bits, lossless and JPEG-LS. ``Image.open`` would try every format that Pillow
knows, and would warn of sizes by a limit of its own. No decoder says that data ran out before the last pixel: they fill
up with grey. So this module finds out (``_is_cut``).
"""

from __future__ import annotations

import io
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import JpegImagePlugin

from builder.pixels.formats import cut, exif, limits
from builder.pixels.formats.jpeg_markers import (
    BASELINE,
    EXTENDED,
    JPEG_LS,
    LOSSLESS,
    PROGRESSIVE,
    Jpeg,
    entropy,
    has_all_scans,
    markers,
    may_lack_data,
)

_START: Final = b"\xff\xd8\xff"
_END: Final = b"\xff\xd9"
_ARITHMETIC: Final = (0xC9, 0xCA)
_NAMES: Final = {
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical lossless",
    0xCB: "lossless, arithmetic coded",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical lossless",
}


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a JPEG."""
    return data.startswith(_START)


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return the pixels in stored order.

    uint8 or uint16, (H, W) or (H, W, 3).
    """
    facts = markers(data)
    limits.check_size(facts.width, facts.height, max_pixels, len(facts.components) * -(-facts.precision // 8))
    known = (BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS, *(_ARITHMETIC if facts.precision == 8 else ()))
    if facts.frame not in known or len(facts.components) not in (1, 3, 4):
        name = _NAMES.get(facts.frame, "arithmetic coded" if facts.frame in _ARITHMETIC else "Huffman coded")
        raise limits.unreadable(f"JPEG, {name} (frame {facts.frame:#x}), of {len(facts.components)} components")
    if len(facts.components) == 4 and facts.adobe is None:  # Adobe stores inks inverted, others do not
        raise limits.unreadable("JPEG of four inks without Adobe's marker: nothing says whether 0 is all ink or none")
    if not facts.ends:
        _check_only_end_lacks(data, facts)
        data = data[: facts.scans_end] + _END
    orientation = exif.orientation(facts.exif)
    return limits.pick(1, plane, lambda _: limits.Plane((_whole(data, facts),), orientation))


def _whole(data: bytes, facts: Jpeg) -> npt.NDArray[Any]:
    pixels = _decode(data, facts)
    if may_lack_data(pixels, facts) and (not has_all_scans(facts) or _is_cut(data, facts)):
        raise limits.unreadable("JPEG whose data end before its last pixel")
    return pixels


def _decode(data: bytes, facts: Jpeg) -> npt.NDArray[Any]:
    if facts.frame == JPEG_LS:
        return _expected(imagecodecs.jpegls_decode(data), facts)
    if facts.frame == LOSSLESS:
        if facts.adobe:
            raise limits.unreadable(f"lossless JPEG with Adobe's colour transform {facts.adobe}")
        return _expected(imagecodecs.jpegsof3_decode(data), facts)
    if facts.precision != 8:
        wanted = "GRAYSCALE" if len(facts.components) == 1 else "RGB"
        return _expected(imagecodecs.jpeg8_decode(data, outcolorspace=wanted), facts)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return np.array(image if image.mode == "L" else image.convert("RGB"))


def _expected(pixels: npt.NDArray[Any], facts: Jpeg) -> npt.NDArray[Any]:
    count = len(facts.components)
    shape = (facts.height, facts.width) if count == 1 else (facts.height, facts.width, count)
    if pixels.shape != shape or count == 4 or pixels.dtype.itemsize != -(-facts.precision // 8):
        raise limits.unreadable(f"JPEG of {shape}, {facts.precision} bits, that gives {pixels.shape} {pixels.dtype}")
    return pixels


def _check_only_end_lacks(data: bytes, facts: Jpeg) -> None:
    """Reject a file that lacks more than its end marker.

    Its data must end with the last pixel, no sooner and no later.
    """
    if not has_all_scans(facts) or facts.frame not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise limits.unreadable("JPEG that was cut: its last scan and end are missing")
    if _is_cut(data, facts) or not _is_cut(data[: facts.scans_end - 3], facts):
        raise limits.unreadable("JPEG that was cut: its data end before its last pixel, or after it without an end")


def _is_cut(data: bytes, facts: Jpeg) -> bool:
    """Return whether the last scan's data are truncated."""
    return cut.is_cut(lambda stream: _decode(stream, facts), entropy(data, facts), _END)
