"""Decoding of grey PNGs, four bands in one compiled call.

Threads thus need the interpreter's lock only once per image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from zlib_ng.zlib_ng import adler32

from cytoimagenet_reader.jit import jit
from cytoimagenet_reader.png.chunks import Png, PngError
from cytoimagenet_reader.png.inflate import inflate
from cytoimagenet_reader.png.inflate_bands import inflate_bands
from cytoimagenet_reader.png.unfilter import unfilter_grey
from cytoimagenet_reader.words import U

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

_BANDS = 4


def decode_plain(file: bytes | memoryview, png: Png) -> U8:
    """Return the pixels of a plain PNG: uint8 (H, W).

    Plain is as in ``Png.is_plain``. Four bands are inflated side by side; other streams by libdeflate.

    Raises
    ------
    PngError
        Where the data are damaged, are not those of as many rows, or a row has a filter that does not exist.
    """
    height, width = png.header.height, png.header.width
    rows, pixels = np.empty((height, width + 1), np.uint8), np.empty((height, width), np.uint8)
    if not decode_bands(file, png.data, rows, pixels):
        inflate(file, png.data, rows)
        if not unfilter_grey(rows, pixels):
            raise PngError("a damaged PNG: a row has a filter that does not exist")
    return pixels


def decode_bands(file: bytes | memoryview, data: Sequence[tuple[int, int]], rows: U8, pixels: U8) -> bool:
    """Decode a PNG whose data are four encoder bands.

    The bands are as ``encoder`` writes them, one in each IDAT chunk.

    Parameters
    ----------
    file : a PNG whose chunks are intact
    data : (start, end) of the content of its IDAT chunks
    rows : uint8 (H, 1 + W), written: the filtered rows
    pixels : uint8 (H, W), written

    Returns
    -------
    whether it was done: these are such bands, and intact
    """
    if len(data) != _BANDS:
        return False
    first, end = data[0][0], data[3][1]
    if 4 * (end - first) < rows.size:
        return False  # few bits a byte: mostly matches, in which one stream is as fast as four
    one, two, three, four = data
    if not _decode_bands(np.frombuffer(file, np.uint8), *one, *two, *three, *four, rows, pixels):
        return False
    return adler32(rows.data) == int.from_bytes(file[end - 4 : end], "big")


@jit
def _decode_bands(
    file: U8,
    start0: int,
    end0: int,
    start1: int,
    end1: int,
    start2: int,
    end2: int,
    start3: int,
    end3: int,
    rows: U8,
    pixels: U8,
) -> bool:
    height, stride = rows.shape
    if height < _BANDS or end0 < start0 + 2 or end3 < start3 + 4 or file[start0] != 0x78 or file[start0 + 1] != 1:
        return False
    starts, ends, bounds = np.empty(4, np.uint64), np.empty(4, np.uint64), np.empty(5, np.uint64)
    starts[0], starts[1], starts[2], starts[3] = start0 + 2, start1, start2, start3  # less the header of zlib's format
    ends[0], ends[1], ends[2], ends[3] = end0, end1, end2, end3 - 4  # and its checksum (RFC 1950)
    for band in range(_BANDS):
        starts[band] <<= U(3)
        ends[band] <<= U(3)
        bounds[band] = height * band // _BANDS * stride
    bounds[4] = height * stride
    return inflate_bands(file, starts, ends, rows.reshape(-1), bounds) and unfilter_grey(rows, pixels)
