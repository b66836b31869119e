"""Facts parsed from file paths by a layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import repeat
from os.path import commonprefix
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

    def read(self, paths: Sequence[str]) -> list[Values | None]:
        """Return each path's values of ``groups``, or None.

        None means that the path does not fit. The longest end of the path that fits says most: folders above the name
        are optional in many layouts.
        """
        if not paths:
            return []
        starts = self._starts(paths)
        matches: list[re.Match[str] | None] = list(map(self._pattern.fullmatch, paths, starts))
        if None in matches:
            rows = zip(matches, paths, starts, strict=False)  # starts may have no end
            matches = [match or self._later(path, start) for match, path, start in rows]
        if not self._all_named:
            return [match and tuple([match[name] for name in self.groups]) for match in matches]
        return [match and match.groups() for match in matches]

    def match(self, path: str) -> Values | None:
        """Return the values of one path, as ``read``."""
        return self.read([path])[0]

    def _later(self, path: str, start: int) -> re.Match[str] | None:
        """Return the match of a shorter end of a path."""
        while start := path.find("/", start) + 1:
            if match := self._pattern.fullmatch(path, start):
                return match
        return None

    def _starts(self, paths: Sequence[str]) -> Iterable[int]:
        """Return where the longest possible name begins in each path."""
        depths = {path.count("/") for path in paths}
        if max(depths) <= self._deepest:
            return repeat(0)
        lowest, highest = min(paths), max(paths)
        shared = commonprefix([lowest, highest])  # noqa: RUF071  letters are meant; of all that lie between these two
        if len(depths) == 1 and depths.pop() - shared.count("/") <= self._deepest:
            return repeat(self._start(lowest))
        return list(map(self._start, paths))

    def _start(self, path: str) -> int:
        start = 0
        for _ in range(path.count("/") - self._deepest):
            start = path.index("/", start) + 1
        return start
