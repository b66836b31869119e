"""Detection of image files to skip.

These are thumbnails, masks, illumination functions and outlines.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from builder.sources.common.folder import Notes
from builder.sources.declared.blocks import pieces
from builder.sources.declared.declaration import Files
from builder.sources.declared.layouts import Layout

_IN_NAMES: Final = {
    "thumb": "thumbnails, left out",
    "illum": "illumination functions, left out",
    "flatfield": "illumination functions, left out",
    "darkframe": "illumination functions, left out",
    "_mask": "masks and outlines, left out",
    "-mask": "masks and outlines, left out",
    "outline": "masks and outlines, left out",
    "_overlay": "masks and outlines, left out",
    "_seg.": "masks and outlines, left out",
    "cp_masks": "masks and outlines, left out",
}
_FOLDERS: Final = {
    **dict.fromkeys(("illum", "illumination", "flatfield"), "illumination functions, left out"),
    **dict.fromkeys(("mask", "masks", "outlines", "segmentation", "segmentations"), "masks and outlines, left out"),
    **dict.fromkeys(("thumb", "thumbs", "thumbnail", "thumbnails"), "thumbnails, left out"),
}
EXCLUDED: Final = "files that files.exclude leaves out"

_SIGNS: Final = ("thumb", "illum", "flatfield", "darkframe", "mask", "outline", "_overlay", "_seg", "segmentation")
"""Parts of all names above, in small letters: where a text has none of them, no name in it is one of these."""


class NonImages:
    """Decides why a file is skipped, before parsing its name."""

    def __init__(self, files: Files, layout: Layout | None) -> None:
        self._defaults = not files.keep_non_images
        self._own = _any_of(files.exclude)
        self._of_layout = re.compile(layout.not_images, re.IGNORECASE) if layout and layout.not_images else None
        self._directory, self._of_directory = "", ""

    def left(self, paths: Iterable[str], notes: Notes) -> Iterator[list[str]]:
        """Yield paths of images in pieces, noting the others."""
        for piece in pieces(paths):
            if self.none_among(piece):
                yield piece
                continue
            left = []
            for path in piece:
                if why := self.why(path):
                    notes.add(why, path)
                else:
                    left.append(path)
            if left:
                yield left

    def none_among(self, paths: Sequence[str]) -> bool:
        """Return True where all of these may be images.

        False says that each has to be asked.
        """
        if self._own or self._of_layout:
            return False
        text = "\n".join(("", *paths)).lower()
        return "\n_" not in text and "/_" not in text and not (self._defaults and any(sign in text for sign in _SIGNS))

    def why(self, path: str) -> str:
        """Return why a file is left out.

        '' for one that may be an image.
        """
        slash = path.rfind("/") + 1
        if path[:slash] != self._directory:
            self._directory, self._of_directory = path[:slash], self._folder(path[:slash])
        if self._of_directory:
            return self._of_directory
        if self._own and self._own(path):
            return EXCLUDED
        if not self._defaults:
            return ""
        name = path[slash:].lower()
        for part, why in _IN_NAMES.items():
            if part in name:
                return why
        if self._of_layout and self._of_layout.fullmatch(path, slash):
            return "files of the instrument that are no images, left out"
        return ""

    def _folder(self, directory: str) -> str:
        parts = directory.lower().split("/")[:-1]
        if any(part.startswith("_") for part in parts):
            return "files in folders whose names begin with _, left out"
        return next((_FOLDERS[part] for part in parts if part in _FOLDERS), "") if self._defaults else ""


def _any_of(patterns: Sequence[str]) -> Callable[[str], object] | None:
    """Return a path predicate for patterns with ``*`` and ``?``.

    A path fits by its whole or an end of it, in any case of letters.
    """
    if not patterns:
        return None
    alternatives = "|".join(fnmatch.translate(pattern.lower()) for pattern in patterns)
    match = re.compile(rf"(?:{alternatives})").match
    whole = any("/" in pattern for pattern in patterns)

    def fits(path: str) -> bool:
        lower = path.lower()
        if match(lower, 0) or match(lower[lower.rfind("/") + 1 :]):
            return True
        return whole and any(match(lower[place + 1 :]) for place, letter in enumerate(lower) if letter == "/")

    return fits
