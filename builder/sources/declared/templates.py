"""Patterns that people write, ``{plate}/{well}_s{site}_w{channel}.tif``, as regular expressions.

- ``{name}`` is a fact; ``{name:expression}`` one that a regular expression of your own describes; a name that comes
  again must have the same value again
- ``*`` is any text within a folder's or file's name, ``**/`` any folders
- ``[...]`` may be absent; ``[[`` and ``]]`` are brackets
- upper and lower case do not matter
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_KNOWN: Final = {
    "well": r"(?:well[ _]?)?[a-z]{1,2}[ _]*[-.:]?[ _]*\d{1,3}|r\d{1,2}c\d{1,2}|\d{6}",
    "row": r"[a-z]{1,2}|\d{1,3}",
    **dict.fromkeys(("col", "column", "wellnumber", "field", "site", "z", "t", "run"), r"\d+"),
}
_ANY: Final = r"[^/]+?"
_NAMES: Final = re.compile(r"\{([^{}]+)\}")


def expression(template: str) -> str:
    """Return the regular expression of a template.

    Raises
    ------
    ValueError
        For a bracket that is not closed or not opened, an empty or impossible name.
    """
    out, place, depth = [], 0, 0
    seen: set[str] = set()
    while place < len(template):
        if template.startswith(("[[", "]]"), place):
            out.append(re.escape(template[place]))
            place += 2
        elif template.startswith("**/", place):
            out.append(r"(?:[^/]+/)*")
            place += 3
        elif template[place] == "{":
            end = _closing(template, place)
            out.append(_placeholder(template[place + 1 : end], seen))
            place = end + 1
        else:
            character = template[place]
            depth += {"[": 1, "]": -1}.get(character, 0)
            if depth < 0:
                raise ValueError(f"a ] without a [ in {template!r}; a bracket of the name itself is ]]")
            out.append({"[": "(?:", "]": ")?", "*": "[^/]*"}.get(character, re.escape(character)))
            place += 1
    if depth:
        raise ValueError(f"a [ without a ] in {template!r}; a bracket of the name itself is [[")
    return "".join(out)


def names_in(text: str) -> list[str]:
    """Return the names in a text such as ``{plate}_{well}``."""
    return _NAMES.findall(text)


def filled(text: str, facts: Mapping[str, str]) -> str:
    """Return the text with its ``{names}`` filled in.

    '' where none of them has a value, and for an unknown one.
    """
    names = names_in(text)
    if names and not any(facts.get(name) for name in names):
        return ""
    return _NAMES.sub(lambda match: facts.get(match[1], ""), text)


def _closing(template: str, start: int) -> int:
    depth = 0
    for place in range(start, len(template)):
        depth += {"{": 1, "}": -1}.get(template[place], 0)
        if not depth:
            return place
    raise ValueError(f"a {{ without a }} in {template!r}")


def _placeholder(text: str, seen: set[str]) -> str:
    name, _, own = text.partition(":")
    if not name.isidentifier() or not name.isascii():
        raise ValueError(f"{{{text}}}: a name has letters, digits and _ only, such as {{well}}")
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>{own or _KNOWN.get(name, _ANY)})"
