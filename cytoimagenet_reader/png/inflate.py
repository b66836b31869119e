"""Inflation of PNG data by libdeflate, never beyond its size.

Specification: https://www.rfc-editor.org/rfc/rfc1950.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from imagecodecs import DeflateError, deflate_decode

from cytoimagenet_reader.png.chunks import PngError


def inflate(file: bytes | memoryview, data: Sequence[tuple[int, int]], rows: npt.NDArray[np.uint8]) -> None:
    """Inflate the filtered rows of a PNG.

    Parameters
    ----------
    data : (start, end) of the content of each IDAT chunk of the file
    rows : uint8 (H, 1 + bytes), contiguous, written

    Raises
    ------
    PngError
        Where the data are damaged, or are not those of as many rows; no more memory is used than these take.
    """
    view = memoryview(file)
    pieces = [view[start:end] for start, end in data]
    packed: Any = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    try:
        found = len(deflate_decode(packed, out=rows.data.cast("B")))
    except DeflateError as error:
        raise PngError(f"a damaged PNG: its data do not inflate to {rows.size} bytes of rows ({error})") from error
    if found != rows.size:
        raise PngError(f"a damaged PNG: {found} bytes of rows, not {rows.size}")


def check_filters(rows: npt.NDArray[np.uint8]) -> None:
    """Raise PngError where a row has an unknown filter.

    ``rows`` is uint8 (height, 1 + stride).
    """
    if rows[:, 0].max() > 4:
        raise PngError("a damaged PNG: a row has a filter that does not exist")
