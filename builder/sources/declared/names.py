"""Facts parsed from file paths by a layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from builder.sources.declared.layouts import Layout

Values = tuple[str | None, ...]

_CLASSES: Final = re.compile(r"\[\^?[^\]]*\]")
_ANYTHING: Final = re.compile(r"(?<!\\)\.[*+{]")


class Names:
    """The expression of a layout.

    It must match the whole end of a path, from the start of a folder or file name.
    """

    def __init__(self, layout: Layout) -> None:
        self._pattern = re.compile(layout.regex, re.IGNORECASE)
        self.groups: tuple[str, ...] = tuple(self._pattern.groupindex)
        self._all_named = len(self.groups) == self._pattern.groups
        folders = _CLASSES.sub("", layout.regex.replace(r"\[", "").replace(r"\]", "")).count("/")
        deep = "(?:[^/]+/)*" in layout.regex or _ANYTHING.search(layout.regex) is not None
        self._deepest = 1 << 10 if deep else folders  # folders above a name that can be part of it

    def matched(self, paths: Iterable[str]) -> Iterator[tuple[str, Values | None]]:
        """Yield each path with its values of ``groups``, or None.

        None means that the path does not fit. The longest end of the path that fits says most: folders above the name
        are optional in many layouts.
        """
        fullmatch, groups = self._pattern.fullmatch, None if self._all_named else self.groups
        folder, first = "", 0
        for path in paths:
            if not path.startswith(folder) or path.find("/", len(folder)) >= 0:
                folder = path[: path.rfind("/") + 1]
                first = self._start(folder)
            match, start = fullmatch(path, first), first
            while match is None:
                start = path.find("/", start) + 1
                if not start:
                    break
                match = fullmatch(path, start)
            if match is None:
                yield path, None
            else:
                yield path, match.groups() if groups is None else match.group(*groups)

    def match(self, path: str) -> Values | None:
        """Return the values of one path, as ``matched``."""
        return next(self.matched([path]))[1]

    def _start(self, folder: str) -> int:
        """Return where the longest name that can fit begins."""
        start = 0
        for _ in range(folder.count("/") - self._deepest):
            start = folder.index("/", start) + 1
        return start
