"""Facts parsed from file paths by a layout."""

from __future__ import annotations

import re
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

    def match(self, path: str) -> Values | None:
        """Return the values of ``groups`` for a path, or None.

        None means that the path does not fit. The longest end of the path that fits says most: folders above the name
        are optional in many layouts.
        """
        start = 0
        for _ in range(path.count("/") - self._deepest):
            start = path.index("/", start) + 1
        fullmatch = self._pattern.fullmatch
        match = fullmatch(path, start)
        while match is None:
            start = path.find("/", start) + 1
            if not start:
                return None
            match = fullmatch(path, start)
        return match.groups() if self._all_named else match.group(*self.groups)
