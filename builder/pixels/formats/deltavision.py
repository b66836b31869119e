"""DeltaVision stacks (``.dv``, ``.r3d``).

An MRC-like header of 1,024 bytes, an extended header, then the planes. Layout:
https://docs.openmicroscopy.org/bio-formats/ (DeltaVision) and the IVE header, "DV/MRC"; a plane's number counts the
sections in stored order, whatever of z, wavelength and time runs fastest.
"""

from __future__ import annotations

import struct

import numpy as np

from builder.pixels.formats import limits

_MAGIC = -16224  # 0xC0A0 at byte 96, in the file's own byte order
_HEADER = 1024
_MODES = {0: "u1", 1: "i2", 2: "f4", 6: "u2"}


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a DeltaVision file.

    Either byte order counts.
    """
    return len(data) >= _HEADER and data[96:98] in (b"\xa0\xc0", b"\xc0\xa0")


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return one section; a file may end after it.

    (H, W), uint8, int16, uint16 or float32.
    """
    order = "<" if struct.unpack_from("<h", data, 96)[0] == _MAGIC else ">"
    width, height, count, mode = struct.unpack_from(f"{order}4i", data, 0)
    limits.check_size(width, height, max_pixels)
    if mode not in _MODES:
        raise limits.unreadable(f"DeltaVision pixels of mode {mode}; known are {sorted(_MODES)}")
    dtype = np.dtype(order + _MODES[mode])
    (extended,) = struct.unpack_from(f"{order}i", data, 92)
    start, size = _HEADER + extended, width * height * dtype.itemsize
    if extended < 0 or count < 1:
        raise limits.unreadable(f"DeltaVision header of {count} planes from {start} on")

    def section(number: int) -> limits.Plane:
        position = start + number * size
        if position + size > len(data):
            raise limits.unreadable(
                f"DeltaVision plane {number} of {count} ends at {position + size} of {len(data)} bytes"
            )
        flat = np.frombuffer(data, dtype, width * height, position)
        return limits.Plane((flat.reshape(height, width).astype(dtype.newbyteorder("=")),))

    return limits.pick(count, plane, section)
