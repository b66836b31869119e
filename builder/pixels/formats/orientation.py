"""Turning of pixels from stored to displayed orientation.

See tag 274 of TIFF and EXIF.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from builder.pixels.formats import limits

# (transposed first, rows reversed, columns reversed); CIPA DC-008 (Exif 2.3), "Orientation"
_STEPS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def turned(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return pixels as they are seen.

    (H, W) or (H, W, samples); 5 to 8 swap height and width.

    Raises
    ------
    RejectedError
        "unreadable" where ``orientation`` is none of 1 to 8.
    """
    if orientation not in _STEPS:
        raise limits.unreadable(f"an orientation of {orientation}; known are 1 to 8")
    transposed, rows_reversed, columns_reversed = _STEPS[orientation]
    if transposed:
        pixels = pixels.swapaxes(0, 1)
    if rows_reversed:
        pixels = pixels[::-1]
    if columns_reversed:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
