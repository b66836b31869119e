"""Encoding 8-bit grey pictures as PNG (https://www.w3.org/TR/png-3/).

Every row of a picture has the same filter and the rows are deflated by zlib-ng with the run-length strategy
(``Z_RLE``: matches of distance one only, then Huffman codes) in one IDAT chunk.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

U8 = npt.NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PAETH = 4


def encode(pixels: U8) -> bytes:
    """Return a picture, uint8 (H, W), as the bytes of an 8-bit grey PNG."""
    height, width = pixels.shape
    rows = _paeth(pixels)
    deflate = zlib_ng.compressobj(1, zlib_ng.DEFLATED, 15, 9, zlib_ng.Z_RLE)
    data = deflate.compress(rows) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"".join((SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _paeth(pixels: U8) -> U8:
    """Return (H, 1 + W): the filter's number and the differences from the Paeth predictor (PNG, section 9.4)."""
    height, width = pixels.shape
    padded = np.zeros((height + 1, width + 1), np.int16)
    padded[1:, 1:] = pixels
    left, up, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    to_left, to_up = np.abs(up - corner), np.abs(left - corner)
    to_corner = np.abs(left + up - 2 * corner)
    guess = np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))
    out = np.empty((height, width + 1), np.uint8)
    out[:, 0] = PAETH
    out[:, 1:] = (padded[1:, 1:] - guess).astype(np.uint8)
    return out
