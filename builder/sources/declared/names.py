"""Paths read by a layout: which facts does the name of a file state?"""

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
        """Return the values of ``groups`` for a path, None where it does not fit.

        The longest end of the path that fits says most: folders above the name are optional in many layouts.
        """
        for start in _starts(path, self._deepest):
            if match := self._pattern.fullmatch(path, start):
                return match.groups() if len(self.groups) == self._pattern.groups else match.group(*self.groups)
        return None


def _starts(path: str, deepest: int) -> Iterator[int]:
    """Yield where the last ``deepest`` + 1 parts of a path begin, the longest end first."""
    above = path.count("/") - deepest
    start = 0
    for _ in range(above):
        start = path.index("/", start) + 1
    yield start
    while (start := path.find("/", start) + 1) > 0:
        yield start
