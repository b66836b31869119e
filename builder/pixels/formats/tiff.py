"""TIFF and BigTIFF, with the extensions that microscopes write.

These are OME, ImageJ, MetaMorph, LSM and Opera ``.flex``. A plane is a full-resolution image of the file, from 0, in
stored order. What the file says of its pixels is honoured, or the file is refused with that reason: ``tiff_planes``
finds the plane, ``tiff_page`` says what it is, ``tiff_layout`` where it lies; ``tiff_codecs``, ``tiff_samples`` and
``tiff_colour`` decode it, each strip bounded by its own size.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from builder.pixels.formats import jpeg_markers, limits, tiff_codecs, tiff_colour, tiff_pixel_codecs, tiff_samples
from builder.pixels.formats.tiff_directory import Tiff
from builder.pixels.formats.tiff_layout import arranged, joined, rows_of
from builder.pixels.formats.tiff_page import Page, page
from builder.pixels.formats.tiff_planes import Place, Planes

_MAGIC: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

Array = npt.NDArray[Any]


def matches(data: bytes) -> bool:
    """Return whether the bytes begin as a TIFF or BigTIFF."""
    return len(data) >= 16 and data.startswith(_MAGIC)


def decode(data: bytes, plane: int, max_pixels: int) -> limits.Plane:
    """Return a plane at its own depth, 0 always black.

    Colours of a palette are looked up.
    """
    planes = Planes(Tiff(data))
    count = plane + 1 if plane >= 0 and planes.has(plane) else planes.count()
    return limits.pick(count, plane, lambda number: _decode_place(data, planes[number], max_pixels))


def _decode_place(data: bytes, place: Place, max_pixels: int) -> limits.Plane:
    found = page(place.directory, max_pixels)
    tiff_codecs.check(found)
    tiff_colour.check(found)
    if found.compression == tiff_codecs.OLD_JPEG:
        found = _whole_jpeg(data, found)
    found = arranged(found, found.compression in tiff_codecs.SELF_ENDING)
    if place.inside:
        found = _moved(found, place.inside)
    whole = joined(found)
    pixels = _in_place(data, whole)
    if pixels is None:
        pixels = _decode_segments(data, whole)
    return limits.Plane(tiff_colour.channels(pixels, found), found.orientation)


def _whole_jpeg(data: bytes, found: Page) -> Page:
    """Return an old-style JPEG as one strip.

    The strip is the JPEG stream that tag 513 points to.
    """
    start, size = found.directory.one(513, 0), found.directory.one(514, 0)
    stream = data[start : start + size] if size else data[start:]
    if start < 8 or not stream.startswith(b"\xff\xd8") or not jpeg_markers.markers(stream).scans:
        raise limits.unreadable("TIFF with compression 6 (old-style JPEG) that is not one whole JPEG")
    return found._replace(
        tiled=False,
        segment_width=found.width,
        segment_height=found.height,
        offsets=(start,),
        counts=(len(stream),),
    )


def _moved(found: Page, number: int) -> Page:
    """Return the page of a later plane without a directory.

    Such planes follow the first uncompressed, without a gap.
    """
    whole = found._replace(separate=False, segment_height=found.height)
    size = whole.row_bytes * found.height
    ends = [offset + count for offset, count in zip(found.offsets, found.counts, strict=True)]
    follows = all(end == after for end, after in zip(ends, found.offsets[1:], strict=False))
    if found.tiled or found.compression != tiff_codecs.NONE or not follows or ends[-1] - found.offsets[0] != size:
        raise limits.unreadable("TIFF whose further planes have no directory, and the first is in pieces or compressed")
    if ends[-1] + number * size > found.directory.size:
        raise limits.unreadable(f"TIFF plane {number} lies outside the file")
    return found._replace(offsets=tuple(offset + number * size for offset in found.offsets))


def _in_place(data: bytes, found: Page) -> Array | None:
    """Return the file's own bytes as pixels, if possible.

    (H, W, samples), not copied; None where they have to be changed or moved. Of a file with much else
    in it they are copied, so that one plane does not keep a stack in memory.
    """
    dtype = tiff_codecs.sample_type(found).newbyteorder(found.order)
    as_stored = (
        len(found.offsets) == 1
        and found.compression == tiff_codecs.NONE
        and found.fill_order == 1
        and found.bits == 8 * dtype.itemsize
        and (found.segment_width, found.segment_height) == (found.width, found.height)
        and found.counts[0] == found.row_bytes * found.height
        and tiff_colour.units(found) == (1, 1)
    )
    if not as_stored or not dtype.isnative or len(data) > 2 * found.counts[0]:
        return None
    pixels = np.frombuffer(data, dtype, found.counts[0] // dtype.itemsize, found.offsets[0])
    return pixels.reshape(found.height, found.width, found.inner) if pixels.flags.aligned else None


def _decode_segments(data: bytes, found: Page) -> Array:
    """Return (H, W, samples) of the page's strips or tiles."""
    predictor, shared = tiff_samples.predictor_of(found), tiff_colour.units(found)
    if found.fill_order == 2 and not tiff_codecs.takes_fill_order(found):
        raise limits.unreadable(f"TIFF with fill order 2 and compression {found.compression}")
    shape = (found.planes, found.height, found.width, found.inner)
    out = np.empty(shape, tiff_codecs.sample_type(found))
    for number, (start, size) in enumerate(zip(found.offsets, found.counts, strict=True)):
        rest, column = divmod(number, found.across)
        plane, row = divmod(rest, found.down)
        y, x = row * found.segment_height, column * found.segment_width
        rows = rows_of(found, number)
        place = out[plane, y : y + rows, x : x + found.segment_width]
        if size == 0:  # never written
            place[...] = 0
            continue
        packed = memoryview(data)[start : start + size]
        if tiff_codecs.gives_pixels(found):
            pixels = tiff_pixel_codecs.pixels(bytes(packed), found, rows)
        elif shared != (1, 1):
            most = tiff_colour.units_bytes(found, found.segment_height, shared)
            raw = tiff_codecs.to_bytes(packed, found, most, tiff_colour.units_bytes(found, rows, shared))
            pixels = tiff_colour.spread(raw, found, rows, shared)
        else:
            most = found.row_bytes * found.segment_height
            raw = tiff_codecs.to_bytes(packed, found, most, tiff_samples.least_bytes(found, rows))
            pixels = tiff_samples.unpacked(raw, found, rows, predictor)
        place[...] = pixels[: place.shape[0], : place.shape[1]]
    return np.moveaxis(out[..., 0], 0, -1) if found.separate else out[0]
