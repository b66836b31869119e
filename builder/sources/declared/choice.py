"""Which plane, time and run of a field are taken."""

from __future__ import annotations

import functools
import re
from typing import Final

from builder.sources.declared.declaration import Keep

CHOSEN: Final = ("run", "t", "z")
PROJECTION: Final = "projection"
_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)")


@functools.lru_cache(maxsize=1 << 12)
def channel_key(text: str) -> str:
    """Return a channel's normalised key.

    01 is 1, DAPI is dapi.
    """
    return _ZEROS.sub("", text.strip().casefold())


@functools.lru_cache(maxsize=1 << 12)
def choose(values: tuple[str, ...], rule: str | int) -> str | None:
    """Return the selected plane, time or run of a field.

    None where the one asked for is not there.

    A projection that lies beside the planes is taken where it is asked for, or where there is nothing else.
    """
    distinct = sorted(set(values), key=_in_order)
    planes = [value for value in distinct if value != PROJECTION]
    if PROJECTION in distinct and (rule == PROJECTION or not planes):
        return PROJECTION
    if rule == PROJECTION:
        return planes[len(planes) // 2]
    if rule == "first":
        return planes[0]
    if rule == "last":
        return planes[-1]
    if rule == "middle":
        return planes[len(planes) // 2]
    wanted = channel_key(str(rule))
    return next((value for value in distinct if channel_key(value) == wanted), None)


def check_rules(keep: Keep) -> str:
    """Return what is wrong with ``files.keep``, '' where nothing is."""
    for name in CHOSEN:
        rule = getattr(keep, name)
        words = ("first", "middle", "last", "all", *(["projection"] if name == "z" else []))
        if isinstance(rule, str) and not rule[:1].isdigit() and rule not in words:
            return f"files.keep.{name} is a number or one of {', '.join(words)}, not {rule!r}"
    return ""


def _in_order(value: str) -> tuple[float, str]:
    return (float(value) if re.fullmatch(r"-?\d+(?:\.\d+)?", value) else -1.0, value)
