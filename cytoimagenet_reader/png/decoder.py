"""Decoding a grey PNG in four bands in one compiled call, so that threads need the interpreter's lock once an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cytoimagenet_reader.jit import jit
from cytoimagenet_reader.png.checksums import adler32
from cytoimagenet_reader.png.chunks import Png, PngError
from cytoimagenet_reader.png.inflate import filtered_rows
from cytoimagenet_reader.png.inflate_bands import inflate_bands
from cytoimagenet_reader.png.unfilter import unfilter_grey
from cytoimagenet_reader.words import U, load_big_endian

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]


def decode_plain(file: bytes | memoryview, png: Png) -> U8:
    """Return the pixels of a plain PNG (``Png.is_plain``): uint8 (H, W).

    Four bands are inflated side by side; other streams by libdeflate.

    Raises
    ------
    PngError
        Where the data are damaged, are not those of as many rows, or a row has a filter that does not exist.
    """
    height, width = png.header.height, png.header.width
    pixels = np.empty((height, width), np.uint8)
    if len(png.data) == 4 and decode_bands(file, png.data, pixels) is not None:
        return pixels
    if not unfilter_grey(filtered_rows(file, png.data, height, width), pixels):
        raise PngError("a damaged PNG: a row has a filter that does not exist")
    return pixels


def decode_bands(file: bytes | memoryview, data: Sequence[tuple[int, int]], pixels: U8) -> U8 | None:
    """Decode a PNG whose data are four bands as ``encoder`` writes them, one in each IDAT chunk.

    Parameters
    ----------
    file : a PNG whose chunks are intact
    data : (start, end) of the content of its four IDAT chunks
    pixels : uint8 (H, W), written

    Returns
    -------
    the filtered rows, uint8 (H, 1 + W); None where these are no such bands, or damaged ones
    """
    rows = np.empty((pixels.shape[0], pixels.shape[1] + 1), np.uint8)
    places = np.array(data, np.uint64)
    return rows if _decode_bands(np.frombuffer(file, np.uint8), places, rows, pixels) else None


@jit
def _decode_bands(file: U8, places: U64, rows: U8, pixels: U8) -> bool:
    starts, ends, bounds = places[:, 0].copy(), places[:, 1].copy(), np.empty(5, np.uint64)
    height, stride = rows.shape
    if height < 4 or ends[3] < starts[3] + U(4) or ends[0] < starts[0] + U(2):
        return False
    if file[starts[0]] != 0x78 or file[starts[0] + U(1)] != 1 or U(4) * (ends[3] - starts[0]) < U(rows.size):
        return False  # few bits a byte: mostly matches, in which one stream is as fast as four
    starts[0] += U(2)
    ends[3] -= U(4)
    checksum = load_big_endian(file, np.int64(ends[3]))
    for band in range(4):
        starts[band], ends[band], bounds[band] = starts[band] << U(3), ends[band] << U(3), height * band // 4 * stride
    bounds[4] = height * stride
    flat = rows.reshape(-1)
    return inflate_bands(file, starts, ends, flat, bounds) and adler32(flat) == checksum and unfilter_grey(rows, pixels)
