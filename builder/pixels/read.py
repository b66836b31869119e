"""Reader of image files at their native bit depth.

The bytes of a file say what it is, not its name. Sizes are checked before anything is decoded. What a file says of its
pixels is honoured, or the file is refused with that reason; decoders raise arbitrary exceptions, which become rejects
with their words.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from builder.errors import RejectedError, UnavailableError
from builder.pixels.formats import bitmap, deltavision, dib, jpeg, limits, png, tiff, vendor, vsi, zarr_array
from builder.pixels.formats.limits import MAX_PROJECTION, MIDDLE_PLANE
from builder.pixels.formats.orientation import turned
from builder.pixels.formats.vsi import VsiFiles
from builder.pixels.formats.zarr_array import ArrayFiles
from builder.recipe import Recipe

__all__ = ["MAX_PROJECTION", "MIDDLE_PLANE", "read", "read_channels"]

_FORMATS = (vsi, tiff, png, jpeg, bitmap, deltavision, vendor, dib)
# vsi before tiff, which it is too; dib last: its mark is the least distinctive
_CONVERT: Final = "convert it to OME-Zarr with bioformats2raw, or to OME-TIFF"
_NOT_READ: Final = {
    b"GIF8": "GIF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"II\xbc": "JPEG XR",
    b"\xff\x0a": "JPEG XL",
    b"\x89HDF": f"HDF5, as Imaris files are ({_CONVERT})",
    b"SIS\0": "Olympus ETS, pixels of a VSI (name the .vsi, with which they are read)",
    b"\xd0\xcf\x11\xe0": f"an OLE container, as Olympus OIB and Zeiss ZVI are ({_CONVERT})",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"SIMPLE  =": "FITS",
}
Array = npt.NDArray[Any]


def read(data: bytes, plane: int = 0, max_pixels: int = Recipe.max_pixels, oriented: bool = False) -> Array:
    """Return one plane of an image file.

    TIFF, PNG, JPEG, BMP, DeltaVision, or DIB without a file header; CZI, ND2 and LIF with the extra ``formats``.

    Parameters
    ----------
    data : the file
    plane : from 0, in stored order (an image of a TIFF, a section of a ``.dv``); ``MIDDLE_PLANE``; ``MAX_PROJECTION``
    max_pixels : of a plane; more are rejected before decoding
    oriented : turn the pixels the way the file says that they are seen; otherwise they come as stored

    Returns
    -------
    (H, W), or (H, W, 3 or 4) for colour without or with opacity, of the file's own integer or float type, 0 black; not
    to be written where it is the file's own bytes.
    Three samples side by side that are no colour are (H, W, 3) as well: ``read_channels`` tells them apart.

    Raises
    ------
    RejectedError
        "too_large", or "unreadable" with what was found: among it another number of channels side by side than one.
    """
    channels = read_channels(data, plane, max_pixels, oriented)
    if len(channels) == 1:
        return channels[0]
    if len(channels) == 3 and all(channel.ndim == 2 for channel in channels):
        return np.stack(channels, axis=2)
    raise limits.unreadable(f"{len(channels)} channels side by side, which are no one image")


def read_channels(
    data: bytes | ArrayFiles | VsiFiles, plane: int = 0, max_pixels: int = Recipe.max_pixels, oriented: bool = False
) -> tuple[Array, ...]:
    """Return the channels of one plane, as ``read``.

    One, or more where samples side by side are no colour. Only samples that the file calls opacity are opacity. Each
    channel is (H, W), or colour (H, W, 3 or 4). A plane of a Zarr array is one channel.
    """
    if isinstance(data, ArrayFiles):
        return tuple(map(_checked, zarr_array.decode(data, plane, max_pixels).channels))
    if isinstance(data, VsiFiles):
        return tuple(map(_checked, vsi.decode_files(data, plane, max_pixels).channels))
    for module in _FORMATS:
        if module.matches(data):
            try:
                found = module.decode(data, plane, max_pixels)
                return tuple(_checked(channel, found.orientation if oriented else 1) for channel in found.channels)
            except (RejectedError, UnavailableError, MemoryError):  # what the machine lacks says nothing of the bytes
                raise
            except Exception as error:  # decoders raise arbitrary exceptions: the reject records them
                name = module.__name__.rpartition(".")[2]
                raise limits.unreadable(f"{name}: {type(error).__name__}: {error}") from error
    names = [name for mark, name in _NOT_READ.items() if data.startswith(mark)]
    if names:
        raise limits.unreadable(f"{names[0]}, which is not read")
    raise limits.unreadable(f"no known image: {len(data)} bytes that begin {data[:8].hex(' ')}")


def _checked(pixels: Array, orientation: int = 1) -> Array:
    """Return pixels C-ordered and native-endian; reject what is no image."""
    colours = pixels.shape[2] if pixels.ndim == 3 else 3
    if pixels.ndim not in (2, 3) or colours not in (3, 4) or pixels.dtype.kind not in "buif" or pixels.size == 0:
        raise limits.unreadable(f"pixels of shape {pixels.shape}, type {pixels.dtype}")
    if orientation != 1:
        pixels = turned(pixels, orientation)
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
