"""Image description in a TIFF directory, made consistent or refused.

This happens before anything is decoded. TIFF 6.0 (Adobe, 1992), sections 3 to 8, 11, 14 to 21; names and numbers are
those of that document.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from builder.pixels.formats import limits
from builder.pixels.formats.tiff_directory import Directory, Order

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
ALPHA: Final = (1, 2, 999)  # associated, unassociated, and Corel's number for the latter
OTHER: Final = 0
UNSIGNED, SIGNED, FLOAT = 1, 2, 3

_COLOURS: Final = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, SEPARATED: 4, YCBCR: 3}
_REFUSED: Final = {
    4: "a transparency mask",
    8: "CIE L*a*b* colour",
    9: "ICC L*a*b* colour",
    10: "ITU L*a*b* colour",
    32803: "a colour filter array of a camera",
    32844: "CIE log2(L)",
    32845: "CIE log2(L) (u', v')",
    34892: "linear raw data of a camera",
    51177: "a depth map",
    52527: "a semantic mask",
}
_LSM: Final = 34412
_FORMATS: Final = {1: UNSIGNED, 2: SIGNED, 3: FLOAT, 4: UNSIGNED}  # 4: undefined, which means as it is
_FLOAT_BITS: Final = (16, 24, 32, 64)
_WHOLE_BITS: Final = (*range(1, 32), 32, 64)


class Page(NamedTuple):
    """One image of a TIFF, by TIFF 6.0 names.

    Sizes are in pixels, offsets and counts in bytes.
    """

    order: Order
    width: int
    height: int
    bits: int  # of a sample
    sample_format: int
    colours: int  # the first samples of a pixel: one of grey, or those of its colour
    extra: tuple[int, ...]  # what each further sample is: ALPHA or OTHER
    compression: int
    photometric: int
    fill_order: int
    separate: bool  # a plane a sample, instead of samples side by side
    predictor: int
    orientation: int
    tiled: bool
    segment_width: int  # of a tile or strip
    segment_height: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    directory: Directory

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return self.colours + len(self.extra)

    @property
    def across(self) -> int:
        """Tiles beside each other; 1 where there are strips."""
        return -(-self.width // self.segment_width)

    @property
    def down(self) -> int:
        """Strips, or tiles above each other."""
        return -(-self.height // self.segment_height)

    @property
    def planes(self) -> int:
        """Planes of samples that are stored one after the other."""
        return self.samples if self.separate else 1

    @property
    def inner(self) -> int:
        """Samples of a pixel that are stored side by side."""
        return 1 if self.separate else self.samples

    @property
    def row_bytes(self) -> int:
        """Bytes of an unpacked row of a strip or tile.

        A last byte that is partly used counts as a whole one.
        """
        return -(-self.segment_width * self.inner * self.bits // 8)


def page(directory: Directory, max_pixels: int) -> Page:
    """Return the facts of a directory.

    Raises
    ------
    RejectedError
        "too_large"; "unreadable" where the directory contradicts itself, or says what nobody here can honour.
    """
    width, height = directory.one(256, 0), directory.one(257, 0)
    bits, sample_format = _sample(directory)
    photometric, colours, extra = _meaning(directory)
    tiled = 324 in directory
    segment_width = directory.one(322, 0) if tiled else width
    segment_height = directory.one(323, 0) if tiled else min(directory.one(278, height), height)
    pixel_bytes = -(-bits // 8) * (colours + len(extra))
    limits.check_size(width, height, max_pixels, pixel_bytes)
    if segment_height or tiled:
        limits.check_size(segment_width, segment_height, max_pixels, pixel_bytes)
    samples = colours + len(extra)
    return Page(
        order=directory.order,
        width=width,
        height=height,
        bits=bits,
        sample_format=sample_format,
        colours=colours,
        extra=extra,
        compression=directory.one(259, 1),
        photometric=photometric,
        fill_order=_known(directory, 266, "fill order", (1, 2)),
        separate=_known(directory, 284, "planar configuration", (1, 2)) == 2 and samples > 1,
        predictor=directory.one(317, 1),
        orientation=directory.one(274, 1) or 1,  # 0 is written for: as it is
        tiled=tiled,
        segment_width=segment_width,
        segment_height=segment_height,
        offsets=directory.numbers(324 if tiled else 273),
        counts=directory.numbers(325 if tiled else 279),
        directory=directory,
    )


def _known(directory: Directory, tag: int, name: str, known: tuple[int, ...]) -> int:
    value = directory.one(tag, 1)
    if value not in known:
        raise limits.unreadable(f"TIFF with a {name} of {value}; known are {known}")
    return value


def _sample(directory: Directory) -> tuple[int, int]:
    """Return the bits and format that all samples share.

    Those that differ are rejected.
    """
    if directory.one(32997, 1) != 1:
        raise limits.unreadable(f"TIFF of {directory.one(32997, 1)} layers in one image (tag 32997)")
    bits, formats = set(directory.numbers(258) or (1,)), set(directory.numbers(339) or (1,))
    if len(bits) > 1 or len(formats) > 1:
        raise limits.unreadable(f"TIFF with samples of {sorted(bits)} bits, formats {sorted(formats)}")
    (number,), (kind,) = bits, formats
    found = _FORMATS.get(kind)
    if found is None:
        raise limits.unreadable(f"TIFF with complex or unknown numbers (sample format {kind})")
    if number not in (_FLOAT_BITS if found == FLOAT else _WHOLE_BITS):
        raise limits.unreadable(f"TIFF samples of {number} bits, {'floats' if found == FLOAT else 'whole numbers'}")
    return number, found


def _meaning(directory: Directory) -> tuple[int, int, tuple[int, ...]]:
    """Return the photometric interpretation, its samples, and the others' meaning."""
    samples, bits = directory.one(277, 1), directory.count(258)
    if samples < 1 or bits not in (0, 1, samples):
        raise limits.unreadable(f"TIFF with {samples} samples a pixel and the depths of {bits}")
    photometric = directory.one(262, RGB if samples == 3 else BLACK_IS_ZERO)
    if _LSM in directory and photometric == RGB:
        photometric = BLACK_IS_ZERO  # a confocal microscope's channels, shown as red, green and blue
    if photometric not in _COLOURS:
        name = _REFUSED.get(photometric, "unknown")
        raise limits.unreadable(f"TIFF with photometric interpretation {photometric} ({name})")
    if directory.one(346, 0) and photometric != PALETTE:
        raise limits.unreadable("TIFF whose colours are indices (tag 346)")
    if photometric == SEPARATED and directory.one(332, 1) != 1:
        raise limits.unreadable("TIFF separated into inks that are not cyan, magenta, yellow and black")
    colours, stated = _COLOURS[photometric], directory.numbers(338)
    if samples < colours or len(stated) > samples - colours:
        found = f"{samples} samples a pixel, {len(stated)} of them extra"
        raise limits.unreadable(f"TIFF with photometric interpretation {photometric} and {found}")
    stated = stated + (OTHER,) * (samples - colours - len(stated))
    return photometric, colours, stated
