"""Reading image files at their native depth, whatever they are called: the bytes say what they are.

Sizes are checked before anything is decoded. Whatever a decoder raises becomes a reject with its words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from builder.errors import RejectedError
from builder.pixels.formats import deltavision, dib, limits, pillow, png, tiff
from builder.pixels.formats.limits import MAX_PROJECTION, MIDDLE_PLANE
from builder.recipe import Recipe

__all__ = ["MAX_PROJECTION", "MIDDLE_PLANE", "read"]

_FORMATS = (tiff, png, pillow, deltavision, dib)  # dib last: its mark is the least distinctive


def read(data: bytes, plane: int = 0, max_pixels: int = Recipe.max_pixels) -> npt.NDArray[Any]:
    """Return one plane of an image file: TIFF, PNG, JPEG, BMP, DeltaVision, or DIB without a file header.

    Parameters
    ----------
    data : the file
    plane : from 0, in stored order (a page of a TIFF, a section of a ``.dv``); ``MIDDLE_PLANE``; ``MAX_PROJECTION``
    max_pixels : of a plane; more are rejected before decoding

    Returns
    -------
    (H, W), or (H, W, 3 or 4) for colour without or with opacity, of the file's own integer or float type, 0 black

    Raises
    ------
    RejectedError
        "too_large", or "unreadable" with what was found.
    """
    for module in _FORMATS:
        if module.matches(data):
            try:
                return _checked(module.decode(data, plane, max_pixels))
            except RejectedError:
                raise
            except Exception as error:  # decoders raise what they like: the reject records it
                name = module.__name__.rpartition(".")[2]
                raise limits.unreadable(f"{name}: {type(error).__name__}: {error}") from error
    raise limits.unreadable(f"no known image: {len(data)} bytes that begin {data[:8].hex(' ')}")


def _checked(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels in C order and the machine's byte order; reject what is no picture."""
    colours = pixels.shape[2] if pixels.ndim == 3 else 3
    if pixels.ndim not in (2, 3) or colours not in (3, 4) or pixels.dtype.kind not in "buif" or pixels.size == 0:
        raise limits.unreadable(f"pixels of shape {pixels.shape}, type {pixels.dtype}")
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
