"""Unpacking of strip or tile bytes into samples.

Packing, byte order and differencing are undone. TIFF 6.0, section 14 (predictor 2); Adobe Photoshop TIFF Technical Note
3 (predictor 3, and floats of 16 and 24 bits).
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from builder.pixels.formats import limits
from builder.pixels.formats.tiff_codecs import PREDICTED, sample_type
from builder.pixels.formats.tiff_page import FLOAT, SIGNED, Page

Array = npt.NDArray[Any]


def predictor_of(page: Page) -> int:
    """Return the page's predictor.

    1 (none), 2 (differences of whole numbers) or 3 (of the bytes of floats).

    Raises
    ------
    RejectedError
        "unreadable" where the number is unknown, or does not go with the samples.
    """
    if page.compression not in PREDICTED or page.predictor == 1:
        return 1
    fits = (page.predictor == 2 and page.bits in (8, 16, 32, 64)) or (
        page.predictor == 3 and page.sample_format == FLOAT and page.bits != 24
    )
    if not fits:
        kind = "float" if page.sample_format == FLOAT else "whole-number"
        raise limits.unreadable(f"TIFF with predictor {page.predictor} for {kind} samples of {page.bits} bits")
    return page.predictor


def least_bytes(page: Page, rows: int) -> int:
    """Return the fewest bytes for these rows, without padding."""
    return -(-rows * page.segment_width * page.inner * page.bits // 8)


def unpacked(raw: bytes | bytearray | memoryview, page: Page, rows: int, predictor: int) -> Array:
    """Return the samples of a strip or tile's bytes.

    (rows, width, samples), in the machine's byte order or the file's.
    """
    shape = (rows, page.segment_width, page.inner)
    values = shape[0] * shape[1] * shape[2]
    dtype = sample_type(page)
    if page.bits == 24:
        return _three_bytes(raw, page, values).reshape(shape)
    if page.bits % 8:
        return _bits(raw, page, rows).reshape(shape)
    if predictor == 3:
        packed = np.frombuffer(raw, dtype, values).reshape(shape)
        out: Array = imagecodecs.floatpred_decode(packed, axis=-2, dist=page.inner).astype(dtype, copy=False)
        return out
    stored = np.frombuffer(raw, dtype.newbyteorder(page.order), values).reshape(shape)
    if predictor == 2:
        whole = np.dtype(f"u{dtype.itemsize}")
        sums = np.add.accumulate(stored.view(whole.newbyteorder(page.order)), axis=1, dtype=whole)
        return sums.view(dtype)
    return stored


def _bits(raw: bytes | bytearray | memoryview, page: Page, rows: int) -> Array:
    """Return (values,) of samples that are no whole bytes.

    The highest bit comes first; rows are padded to bytes or not.
    """
    dtype, row = sample_type(page), page.segment_width * page.inner
    packed = -(-rows * row * page.bits // 8)
    padded = len(raw) >= rows * page.row_bytes
    unsigned = np.dtype(bool) if page.bits == 1 else np.dtype(f"u{dtype.itemsize}")
    data = bytes(raw[: rows * page.row_bytes if padded else packed])
    out = imagecodecs.packints_decode(data, unsigned, page.bits, runlen=row if padded else 0)
    out = out[: rows * row]
    if page.sample_format != SIGNED or page.bits == 1:
        return out
    sign = 1 << (page.bits - 1)
    return ((out.astype(np.int64) ^ sign) - sign).astype(dtype)


def _three_bytes(raw: bytes | bytearray | memoryview, page: Page, values: int) -> Array:
    if page.sample_format == FLOAT:
        out: Array = imagecodecs.float24_decode(bytes(raw[: 3 * values]), byteorder=page.order)
        return out
    parts = np.frombuffer(raw, np.uint8, 3 * values).reshape(values, 3).astype(np.uint32)
    low, middle, high = (parts[:, k] for k in ((0, 1, 2) if page.order == "<" else (2, 1, 0)))
    whole = low | middle << 8 | high << 16
    return (whole << 8).view(np.int32) >> 8 if page.sample_format == SIGNED else whole
