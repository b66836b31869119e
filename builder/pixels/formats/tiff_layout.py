"""Locations of a TIFF's strips and tiles, repaired where possible.

Stated sizes are corrected where they are wrong and the geometry is not. Wrong StripByteCounts are the most common
defect of real files. Uncompressed, an image's geometry says how many bytes a strip has, so the count is looked at only
for what geometry leaves open. Compressed, only a missing count is made good.
"""

from __future__ import annotations

import bisect
import operator
from typing import Final

from builder.pixels.formats import limits
from builder.pixels.formats.tiff_page import YCBCR, Page

UNCOMPRESSED: Final = 1
SPARSE: Final = (0, 0)
"""Offset and count of a strip or tile that was never written: background."""


def arranged(page: Page, self_ending: bool) -> Page:
    """Return the page with all required offsets and counts.

    There is one of each for every strip or tile that its size needs.

    Parameters
    ----------
    self_ending : whether the page's codec knows the end of its data, so that a missing count can be made good

    Raises
    ------
    RejectedError
        "unreadable" where strips or tiles are too few, or lie outside the file.
    """
    if page.compression == UNCOMPRESSED:
        page = _with_rows(page)
    if page.segment_height == 0 and not page.tiled:  # no rows a strip: all in one
        page = page._replace(segment_height=page.height)
    limits.check_size(page.segment_width, page.segment_height, 1 << 62)
    needed = page.across * page.down * page.planes
    if len(page.offsets) < needed:
        raise limits.unreadable(f"TIFF with {len(page.offsets)} strips or tiles, needs {needed}")
    offsets = page.offsets[:needed]
    if len(page.counts) < needed:
        page = page._replace(counts=())
    counts = page.counts[:needed] or (0,) * needed
    if page.compression == UNCOMPRESSED and not _is_subsampled(page):
        counts = _by_geometry(page, offsets, counts)
    else:
        counts = _by_counts(page, offsets, counts, self_ending)
    return page._replace(offsets=offsets, counts=counts)


def _is_subsampled(page: Page) -> bool:
    return page.photometric == YCBCR and page.compression == UNCOMPRESSED and page.directory.numbers(530) != (1, 1)


def _with_rows(page: Page) -> Page:
    """Complete the rows and offsets of uncompressed strips.

    Rows may be missing, or the first offset may be the only one.
    """
    if page.tiled or not page.offsets or _is_subsampled(page):
        return page
    strips = len(page.offsets) // page.planes
    if page.segment_height == 0 and strips > 1:
        return page._replace(segment_height=-(-page.height // strips))
    if strips == 1 and len(page.offsets) == page.planes:  # one offset for strips that follow each other
        return page._replace(segment_height=page.height)
    return page


def _by_geometry(page: Page, offsets: tuple[int, ...], counts: tuple[int, ...]) -> tuple[int, ...]:
    """Return the counts that the geometry gives, 0 if sparse.

    Strips that would overlap are rejected.
    """
    sizes = _sizes(page)
    if counts == sizes and min(offsets) >= 8 and max(map(operator.add, offsets, sizes)) <= page.directory.size:
        return counts  # all is as it should be
    ends = sorted({*offsets, page.directory.span[0], page.directory.size})
    if max(offsets) >= page.directory.size:
        raise limits.unreadable(f"TIFF strip or tile at {max(offsets)} in a file of {page.directory.size}")
    _check_depth(page, offsets, counts, sizes, ends)
    out = []
    for number, (offset, stated) in enumerate(zip(offsets, counts, strict=True)):
        if (offset, stated) == SPARSE and page.counts:
            out.append(0)
            continue
        size = _size(page, number, stated)
        if offset < 8 or offset + size > page.directory.size:
            raise limits.unreadable(
                f"TIFF strip or tile {number} of {size} bytes at {offset} in a file of {page.directory.size}"
            )
        if stated != size:
            after = bisect.bisect_right(ends, offset)
            if after < len(ends) and offset + size > ends[after]:
                found = f"{size} bytes at {offset}, which says {stated}"
                raise limits.unreadable(f"TIFF strip or tile {number} of {found}, runs into {ends[after]}")
        out.append(size)
    return tuple(out)


def _check_depth(
    page: Page, offsets: tuple[int, ...], counts: tuple[int, ...], sizes: tuple[int, ...], ends: list[int]
) -> None:
    """Reject strips that hold twice their expected size or more.

    Their depth or their samples per pixel is wrong. Where a directory stands for several planes, the count may be that
    of all of them.
    """
    if page.directory.may_hold_more or any(count < 2 * size for count, size in zip(counts, sizes, strict=True)):
        return
    places = zip(offsets, counts, strict=True)
    if all(offset + count <= ends[bisect.bisect_right(ends, offset)] for offset, count in places):
        found = f"{page.samples} x {page.bits} bits a pixel"
        raise limits.unreadable(f"TIFF whose strips or tiles hold at least twice what {found} need")


def _sizes(page: Page) -> tuple[int, ...]:
    """Return the bytes of each strip or tile, rows padded."""
    full = page.row_bytes * page.segment_height
    if page.tiled:
        return (full,) * (page.across * page.down * page.planes)
    last = page.row_bytes * (page.height - (page.down - 1) * page.segment_height)
    return ((full,) * (page.down - 1) + (last,)) * page.planes


def _size(page: Page, number: int, stated: int) -> int:
    """Return the bytes of a strip or tile.

    Packed samples may do without padding of rows, where the count says so.
    """
    rows = rows_of(page, number)
    padded, packed = rows * page.row_bytes, -(-rows * page.segment_width * page.inner * page.bits // 8)
    return packed if stated == packed else padded


def rows_of(page: Page, number: int) -> int:
    """Return a strip's or tile's rows; the last has fewer."""
    row = number // page.across % page.down
    left = page.height - row * page.segment_height
    return page.segment_height if page.tiled else min(page.segment_height, left)


def _by_counts(page: Page, offsets: tuple[int, ...], counts: tuple[int, ...], self_ending: bool) -> tuple[int, ...]:
    """Return the counts of compressed data.

    A missing one extends to the next strip, or to the end of the file.
    """
    ends = sorted({*offsets, page.directory.size})
    out = []
    for number, (offset, stated) in enumerate(zip(offsets, counts, strict=True)):
        count = stated
        if (offset, stated) != SPARSE or not page.counts:
            if stated == 0 and self_ending and 8 <= offset < page.directory.size:
                count = ends[bisect.bisect_right(ends, offset)] - offset
            if offset < 8 or count < 1 or offset + count > page.directory.size:
                raise limits.unreadable(
                    f"TIFF strip or tile {number} of {count} bytes at {offset} in a file of {page.directory.size}"
                )
        out.append(count)
    return tuple(out)


def joined(page: Page) -> Page:
    """Join uncompressed strips that follow each other without a gap.

    Many files hold one row per strip.
    """
    if page.tiled or page.separate or page.compression != UNCOMPRESSED or len(page.offsets) < 2 or _is_subsampled(page):
        return page
    step = page.row_bytes * page.segment_height
    first, strips = page.offsets[0], len(page.offsets)
    if page.offsets != tuple(range(first, first + step * strips, step)):
        return page
    if page.counts[:-1] != (step,) * (strips - 1):  # without padding of rows
        return page
    total = (page.row_bytes * page.height,)
    return page._replace(segment_height=page.height, offsets=page.offsets[:1], counts=total)
