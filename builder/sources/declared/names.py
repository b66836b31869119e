"""Facts parsed from file paths by a layout."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.declared.layouts import Layout

Values = tuple[str | None, ...]


class Names:
    """The expression of a layout.

    It must match the whole end of a path, from the start of a folder or file name.
    """

    def __init__(self, layout: Layout) -> None:
        self._pattern = re.compile(layout.regex, re.IGNORECASE)
        self.groups: tuple[str, ...] = tuple(self._pattern.groupindex)
        self._deepest = layout.regex.count("/")

    def match(self, path: str) -> Values | None:
        """Return the values of ``groups`` for a path, or None.

        None means that the path does not fit. The longest end of the path that fits says most: folders above the name
        are optional in many layouts.
        """
        for start in _starts(path, self._deepest):
            if match := self._pattern.fullmatch(path, start):
                return match.groups() if len(self.groups) == self._pattern.groups else match.group(*self.groups)
        return None


def _starts(path: str, deepest: int) -> Iterator[int]:
    """Yield the starts of path suffixes, the longest suffix first.

    The longest has ``deepest`` + 1 parts.
    """
    above = path.count("/") - deepest
    start = 0
    for _ in range(above):
        start = path.index("/", start) + 1
    yield start
    while (start := path.find("/", start) + 1) > 0:
        yield start
