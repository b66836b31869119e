"""Fingerprint of a source image, from its pixels alone.

A hash that no flip or turn changes, and a thumbnail.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from builder.pixels.thumbnail import thumbnail

U8 = npt.NDArray[np.uint8]

_FIRST_ROWS = 8


class Fingerprint(NamedTuple):
    """Of a standardised whole image, before it is cut."""

    sha256: str  # hexadecimal, of the smallest of its eight orientations
    thumbnail: bytes  # int8 (16, 16), see `builder.pixels.thumbnail`


def fingerprint(pixels: U8) -> Fingerprint:
    """Return the fingerprint of a uint8 (H, W) image."""
    return Fingerprint(whole_sha256(pixels), thumbnail(pixels).tobytes())


def whole_sha256(pixels: U8) -> str:
    """Return an orientation-invariant sha256 (hex) of an image.

    Of height and width (little-endian uint32) and the rows of the smallest orientation: the one with fewest rows, and
    of those the first when their pixels, row by row, are compared as bytes.
    """
    smallest = smallest_orientation(pixels)
    return hashlib.sha256(struct.pack("<II", *smallest.shape) + smallest.tobytes()).hexdigest()


def smallest_orientation(pixels: U8) -> U8:
    """Return the orientation that `whole_sha256` is of: uint8, a view."""
    views = [
        turned[::rows, ::columns]
        for turned in (pixels, pixels.T)
        for rows, columns in itertools.product((1, -1), repeat=2)
    ]
    fewest = min(pixels.shape)
    views = [view for view in views if view.shape[0] == fewest]
    for row in range(min(fewest, _FIRST_ROWS)):  # nearly always the first row tells them apart
        contents = [view[row].tobytes() for view in views]
        least = min(contents)
        views = [view for view, content in zip(views, contents, strict=True) if content == least]
        if len(views) == 1:
            return views[0]
    return min(views, key=lambda view: view.tobytes())
