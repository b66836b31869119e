"""Orientation in Exif metadata.

Tag 274 in the first directory of a TIFF (CIPA DC-008).
"""

from __future__ import annotations

from builder.errors import RejectedError
from builder.pixels.formats.tiff_directory import Tiff


def orientation(block: bytes) -> int:
    """Return the stored orientation, or 1 where there is none.

    1 to 8, or whatever number is stored; 1 too where the metadata cannot be understood.
    """
    if len(block) < 16 or block[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    try:
        return Tiff(block).directory(0).one(274, 1) or 1
    except RejectedError:  # broken metadata say nothing of the pixels
        return 1
