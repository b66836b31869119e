"""Size checks before decoding, and choice of a plane.

Every reader shares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.errors import RejectedError

MIDDLE_PLANE = -1
"""The plane in the middle of a stack (of an even number, the later of the two)."""
MAX_PROJECTION = -2
"""The largest value over all planes of a stack."""

Array = npt.NDArray[Any]

_MOST_PROJECTED = 8192  # a file of a few megabytes can promise hours of tiny planes


class Plane(NamedTuple):
    """One plane of a file: channels as stored, and orientation.

    A channel is (H, W), or colour (H, W, 3), with opacity (H, W, 4). Samples side by side that are neither colour nor
    opacity are channels of their own.
    """

    channels: tuple[Array, ...]
    orientation: int = 1  # tag 274 of TIFF and EXIF


def unreadable(detail: str) -> RejectedError:
    """Return the error for bytes that cannot be understood."""
    return RejectedError("unreadable", detail)


def check_size(width: int, height: int, max_pixels: int, pixel_bytes: int = 1) -> None:
    """Reject impossible or excessive sizes before anything is decoded.

    ``max_pixels`` limits the bytes too, to two a pixel (a 16-bit grey image of ``max_pixels``), so that it bounds the
    memory whatever a file says of its depth and colours.
    """
    if width < 1 or height < 1:
        raise unreadable(f"a size of {width} x {height}")
    if width * height > max_pixels:
        raise RejectedError("too_large", f"{width} x {height} pixels, the limit is {max_pixels}")
    if width * height * pixel_bytes > 2 * max_pixels:
        found = f"{width} x {height} pixels of {pixel_bytes} bytes"
        raise RejectedError("too_large", f"{found}, the limit is {2 * max_pixels} bytes")


def pick(count: int, plane: int, read_one: Callable[[int], Plane]) -> Plane:
    """Return the wanted plane of a stack.

    ``plane`` is a number from 0, ``MIDDLE_PLANE`` or ``MAX_PROJECTION``.
    """
    if plane == MIDDLE_PLANE:
        return read_one(count // 2)
    if plane != MAX_PROJECTION:
        if not 0 <= plane < count:
            raise unreadable(f"plane {plane} of {count} (the first is 0)")
        return read_one(plane)
    if count > _MOST_PROJECTED:
        raise unreadable(f"a projection of {count} planes, the limit is {_MOST_PROJECTED}")
    largest = read_one(0)
    for number in range(1, count):
        largest = _larger(largest, read_one(number))
    return largest


def _larger(one: Plane, other: Plane) -> Plane:
    """Return the pixelwise maximum of two planes.

    A float that is missing (NaN) in one is taken from the other.
    """
    if _form(one) != _form(other):
        raise unreadable(f"planes differ: {_form(one)}, then {_form(other)}")
    pairs = zip(one.channels, other.channels, strict=True)
    return one._replace(channels=tuple(np.fmax(first, second) for first, second in pairs))


def _form(plane: Plane) -> str:
    channels = ", ".join(f"{channel.shape} {channel.dtype}" for channel in plane.channels)
    return channels if plane.orientation == 1 else f"{channels}, orientation {plane.orientation}"
