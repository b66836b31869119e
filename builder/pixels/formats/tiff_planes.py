"""Planes of a TIFF.

Its full-resolution images, and those that follow the first without directories of their own. Which directories count:
NewSubfileType (254), SubfileType (255) and SubIFDs (330) of TIFF 6.0 and its supplement 1. Planes without a directory:
MetaMorph STK ("MetaMorph Stack (STK) Image File Format", UIC2Tag counts them), ImageJ's stacks over 4 GB (``images=N``
in the description), and ``truncate=True`` of tifffile (``shape`` in the description).
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from builder.pixels.formats import limits
from builder.pixels.formats.tiff_directory import IMAGEJ, Directory, Tiff

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_SUB_DIRECTORIES, _UIC2, _UIC3, _DESCRIPTION = 330, 33629, 33630, 270
_MOST_SUB_DIRECTORIES: Final = 1024
_MOST_PLANES: Final = 65_536
_IMAGES: Final = re.compile(rb"^images=(\d{1,9})\s*$", re.MULTILINE)
_OLD_SHAPE: Final = re.compile(rb"shape=\(([\d, ]{1,200})\)")
_OME_PIXELS: Final = re.compile(rb"<(?:\w+:)?Pixels\b[^>]*>")
_OME_SIZE: Final = re.compile(rb"\bSize([CTZ])=[\"'](\d{1,9})[\"']")


class Place(NamedTuple):
    """Directory of a plane, and its position within it.

    The position is how many planes come before it in the same directory.
    """

    directory: Directory
    inside: int


@dataclasses.dataclass(frozen=True)
class Shape:
    """Number of values and directory layout from tifffile's description.

    The values of all planes are counted; the layout is whether they have one directory.
    """

    values: int
    truncated: bool


class Planes:
    """Planes of a file in stored order, found on demand."""

    def __init__(self, tiff: Tiff) -> None:
        self._tiff = tiff
        self._found: list[Place] = []
        self._seen: set[int] = set()  # directories that planes were taken from
        self._more = self._search()

    def has(self, number: int) -> bool:
        """Return whether there is such a plane."""
        self._found += itertools.islice(self._more, max(0, number + 1 - len(self._found)))
        return len(self._found) > number

    def __getitem__(self, number: int) -> Place:
        """Return a plane that exists."""
        return self._found[number]

    def count(self) -> int:
        """Return the number of planes.

        Raises
        ------
        RejectedError
            "unreadable" where there is none, or where the file's description promises more than there are.
        """
        self._found += self._more
        promised = self._promised()
        if promised > len(self._found):
            raise limits.unreadable(f"TIFF with {len(self._found)} planes, whose description promises {promised}")
        if not self._found:
            raise limits.unreadable("TIFF with reduced images and masks only")
        return len(self._found)

    def _search(self) -> Iterator[Place]:
        for number in itertools.count():
            if not self._tiff.has(number):
                return
            directory = self._tiff.directory(number)
            if directory.span[0] in self._seen:
                continue
            self._seen.add(directory.span[0])
            full = _is_full(directory)
            if full:
                yield Place(directory, 0)
                alone = directory.may_hold_more and number == 0 and not self._tiff.has(1)
                yield from (Place(directory, inside) for inside in range(1, _planes_inside(directory, alone)))
            yield from self._below(directory, full)

    def _below(self, directory: Directory, full: bool) -> Iterator[Place]:
        """Yield the full-resolution images among the directories below one."""
        if directory.count(_SUB_DIRECTORIES) > _MOST_SUB_DIRECTORIES:
            raise limits.unreadable(f"TIFF with {directory.count(_SUB_DIRECTORIES)} directories below one")
        for offset in directory.numbers(_SUB_DIRECTORIES):
            if offset in self._seen:
                continue
            self._seen.add(offset)
            below = self._tiff.directory_at(offset)
            # a level of a pyramid is smaller than its image, whether it says so or not
            if _is_full(below) and not (full and _pixels(below) < _pixels(directory)):
                yield Place(below, 0)

    def _promised(self) -> int:
        """Return how many planes descriptions state; 0 if none."""
        directories = [place.directory for place in self._found if place.inside == 0]
        if not directories:
            return 0
        text = directories[0].raw(_DESCRIPTION)
        if _uic_planes(directories[0]) > 1:
            return _uic_planes(directories[0])
        if text.startswith(IMAGEJ):
            return _imagej_images(text)
        shapes = [(directory, _shape(directory.raw(_DESCRIPTION))) for directory in directories]
        if shapes[0][1] is not None:
            return sum(_planes_of(shape, directory) for directory, shape in shapes if shape is not None)
        return _ome_planes(text, directories[0])


def _is_full(directory: Directory) -> bool:
    return not directory.one(254, 0) & (_REDUCED | _MASK) and directory.one(255, 1) != 2


def _pixels(directory: Directory) -> int:
    return directory.one(256, 0) * directory.one(257, 0)


def _planes_inside(directory: Directory, alone: bool) -> int:
    """Return how many consecutive planes one directory stands for."""
    text = directory.raw(_DESCRIPTION)
    count = 1
    if alone:
        count = max(_uic_planes(directory), _imagej_images(text), 1)
    if count == 1 and b'"truncated"' in text:
        shape = _shape(text)
        count = max(_planes_of(shape, directory), 1) if shape is not None and shape.truncated else 1
    return min(count, _MOST_PLANES)


def _uic_planes(directory: Directory) -> int:
    return directory.count(_UIC2) or directory.count(_UIC3)


def _imagej_images(text: bytes) -> int:
    found = _IMAGES.search(text) if text.startswith(IMAGEJ) else None
    return int(found[1]) if found else 0


def _shape(text: bytes) -> Shape | None:
    """Return what tifffile's description says, or None if another's."""
    if text.startswith(b'{"shape":'):
        try:
            found = json.loads(text.rstrip(b"\0"))
            return Shape(math.prod(int(n) for n in found["shape"]), bool(found.get("truncated")))
        except (ValueError, TypeError, RecursionError):
            return None
    old = _OLD_SHAPE.match(text)
    sides = [int(n) for n in old[1].replace(b" ", b"").split(b",") if n] if old else []
    return Shape(math.prod(sides), False) if sides else None


def _planes_of(shape: Shape, directory: Directory) -> int:
    """Return the number of planes in a shape.

    1 where it does not go with the directory.
    """
    values = _pixels(directory) * directory.one(277, 1)
    return shape.values // values if values > 0 and shape.values % values == 0 else 1


def _ome_planes(text: bytes, directory: Directory) -> int:
    """Return the planes of all images of OME-XML.

    0 where some lie in other files, or there is no OME-XML.
    """
    if (b"<OME" not in text[:4096] and b":OME" not in text[:4096]) or b"FileName=" in text:
        return 0
    total = 0
    for pixels in _OME_PIXELS.findall(text):
        sizes = {name: int(size) for name, size in _OME_SIZE.findall(pixels)}
        total += math.prod(sizes.values()) // max(1, directory.one(277, 1))
    return total
