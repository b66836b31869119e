"""Files of a folder by the endings of their names.

A folder of millions of files is asked for its tables, its images and its archives: it is looked through once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from typing import Final

_LONGEST: Final = 16  # letters of an ending that files are sorted by; others lie together
_AT_ONCE: Final = 4096  # paths
_MOST: Final = 1000  # endings: series may count in theirs
_OTHER: Final = ""


class Endings:
    """Finds files by suffixes, in any case of letters."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_ending: dict[str, list[str]] = {_OTHER: []}
        self._sorted: set[str] = set()
        paths = iter(paths)
        while some := list(islice(paths, _AT_ONCE)):
            ending = some[0][some[0].rfind(".") :]
            text = "\n".join([*some, ""])
            if ending[:1] == "." and text.count(f"{ending}\n") == text.count("\n") == len(some):
                self._add(ending, some)  # most folders have one kind of files
                continue
            found: dict[str, list[str]] = {}
            for path in some:
                found.setdefault(path[path.rfind(".") :], []).append(path)
            for ending, alike in found.items():
                self._add(ending, alike)

    def _add(self, ending: str, paths: list[str]) -> None:
        kind = _kind(ending)
        if len(self._by_ending) > _MOST and kind not in self._by_ending:
            kind = _OTHER
        self._by_ending.setdefault(kind, []).extend(paths)

    def paths(self, suffixes: Iterable[str]) -> list[str]:
        """Return the files with one of these suffixes, sorted."""
        wanted = {suffix.lower() for suffix in suffixes}
        whole = {suffix for suffix in wanted if suffix.isascii() and _kind(suffix) == suffix}
        chosen: list[list[str]] = []
        for kind in self._by_ending:
            some = tuple(suffix for suffix in wanted if kind == _OTHER or _of(suffix) in (kind, _OTHER))
            if kind in whole:
                chosen.append(self._files(kind))
            elif some and (found := [path for path in self._files(kind) if path.lower().endswith(some)]):
                chosen.append(found)
        return chosen[0] if len(chosen) == 1 else sorted(chain.from_iterable(chosen))

    def all(self) -> list[str]:
        """Return all files, sorted."""
        return sorted(chain.from_iterable(map(self._files, self._by_ending)))

    def _files(self, kind: str) -> list[str]:
        if kind not in self._sorted:
            self._by_ending[kind].sort()
            self._sorted.add(kind)
        return self._by_ending[kind]


def _kind(ending: str) -> str:
    """Return an ending in small letters, if it is one."""
    if ending[:1] != "." or len(ending) > _LONGEST or "/" in ending or "." in ending[1:]:
        return _OTHER
    return ending.lower()


def _of(suffix: str) -> str:
    """Return the kind of the files with a suffix.

    ``_OTHER`` where they may have any.

    Small letters beyond ASCII depend on what lies before.
    """
    return _kind(suffix[suffix.rfind(".") :]) if suffix.isascii() else _OTHER
