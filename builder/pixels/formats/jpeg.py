"""JPEG files: 8 bits through Pillow's own class; 12 bits, lossless and JPEG-LS through imagecodecs.

``Image.open`` would try every format that Pillow knows, and would warn of sizes by a limit of its own. No decoder says
that data ran out before the last pixel: they fill up with grey. So this module finds out (``_is_cut``).
"""

from __future__ import annotations

import io
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import JpegImagePlugin

from builder.pixels.formats import exif, limits
from builder.pixels.formats.jpeg_markers import BASELINE, EXTENDED, JPEG_LS, LOSSLESS, PROGRESSIVE, Jpeg, markers

_START: Final = b"\xff\xd8\xff"
_END: Final = b"\xff\xd9"
_NAMES: Final = {
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical lossless",
    0xC9: "arithmetic coded",
    0xCA: "arithmetic coded",
    0xCB: "lossless, arithmetic coded",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical lossless",
}
_TAILS: Final = tuple(np.random.default_rng(seed).integers(0, 255, 192, dtype=np.uint8).tobytes() for seed in range(2))
"""Bytes of entropy-coded data (never 0xff) that could follow a cut: whatever lacks bits takes them from here."""


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a JPEG."""
    return data.startswith(_START)


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return uint8 or uint16, (H, W) or (H, W, 3), in stored order."""
    facts = markers(data)
    limits.check_size(facts.width, facts.height, max_pixels, len(facts.components) * -(-facts.precision // 8))
    known = (BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS)
    if facts.frame not in known or len(facts.components) not in (1, 3, 4):
        name = _NAMES.get(facts.frame, "Huffman coded")
        raise limits.unreadable(f"JPEG, {name} (frame {facts.frame:#x}), of {len(facts.components)} components")
    if not facts.ends:
        _check_only_end_lacks(data, facts)
        data = data[: facts.scans_end] + _END
    orientation = exif.orientation(facts.exif)
    return limits.pick(1, plane, lambda _: limits.Plane((_whole(data, facts),), orientation))


def _whole(data: bytes, facts: Jpeg) -> npt.NDArray[Any]:
    pixels = _decode(data, facts)
    corner = pixels[-4:, -4:]  # what lacks data comes out as one grey
    suspect = facts.frame == PROGRESSIVE or (facts.frame in (BASELINE, EXTENDED) and (corner == corner[0, 0]).all())
    if suspect and (not _has_all_scans(facts) or _is_cut(data, facts)):
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
    """Reject a file without an end marker unless its data end with the last pixel, no sooner and no later."""
    if not _has_all_scans(facts) or facts.frame not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise limits.unreadable("JPEG that was cut: its last scan and end are missing")
    if _is_cut(data, facts) or not _is_cut(data[: facts.scans_end - 3], facts):
        raise limits.unreadable("JPEG that was cut: its data end before its last pixel, or after it without an end")


def _has_all_scans(facts: Jpeg) -> bool:
    """Return whether the scans bring every coefficient of every component, to its last bit."""
    top = 63 if facts.frame == PROGRESSIVE else 0
    missing = {(component, k) for component in facts.components for k in (range(top + 1))}
    for scan in facts.scans:
        if scan.low == 0:
            last = scan.last if facts.frame == PROGRESSIVE else 0
            missing -= {(component, k) for component in scan.components for k in range(scan.first, last + 1)}
    return not missing


def _is_cut(data: bytes, facts: Jpeg) -> bool:
    """Return whether the last pixels depend on what follows the last scan's data: they lack bits of their own."""
    kept = data[: min(facts.scans_end, len(data))].rstrip(b"\xff")
    one, other = (_decode(kept + tail + _END, facts) for tail in _TAILS)
    return not np.array_equal(one, other)
