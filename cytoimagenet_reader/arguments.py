"""Argument checks whose errors suggest the nearest valid value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from cytoimagenet_reader.filters import SITES, Filter

_TEXTS = ("labels", "sources", "databases", "microscopy", "licenses", *SITES)


def suggestion(value: object, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` for the closest match.

    Empty where no known text is similar.
    """
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(str(value).lower(), by_lower, 1, 0.6)
    return f"; did you mean {by_lower[found[0]]!r}?" if found else ""


def filter_of(conditions: Mapping[str, Any], function: str, others: Iterable[str] = ()) -> Filter:
    """Return the filter of some conditions.

    Parameters
    ----------
    function : name of what was given them
    others : its arguments that are not conditions

    Raises
    ------
    TypeError
        For an argument that it does not have, or a value of another type.
    """
    for name, value in conditions.items():
        if name not in Filter._fields:
            near = suggestion(name, (*Filter._fields, *others))
            raise TypeError(f"{function} has no argument {name!r}{near}")
        if name in _TEXTS:
            check_texts(name, value)
        elif name == "where":
            check_where(value)
        elif not (isinstance(value, bool) or (name == "crops" and value is None)):
            raise TypeError(f"{name} must be True or False{', or None' if name == 'crops' else ''}, not {value!r}")
    return Filter(**conditions)


def check_where(value: object) -> None:
    """Raise TypeError unless given conditions by column, or None."""
    if value is not None and not (isinstance(value, Mapping) and all(isinstance(name, str) for name in value)):
        raise TypeError(f'where must be conditions by column, as {{"dose": 10}}, not {value!r}')
    for name, wanted in (value or {}).items():
        if isinstance(wanted, Mapping) and (not wanted or not wanted.keys() <= {"min", "max"}):
            kinds = 'a value, a list of values or {"min": …, "max": …}'
            raise TypeError(f"where[{name!r}] must be {kinds}, not {wanted!r}")


def check_texts(name: str, value: object) -> None:
    """Raise TypeError unless given a text, several, or None."""
    several = isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value)
    if not (value is None or isinstance(value, str) or several):
        raise TypeError(f"{name} must be a text or a list of texts, not {value!r}")


def check_count(name: str, value: object, least: int = 1, none: str = "") -> None:
    """Raise unless a value is a large enough integer.

    ``least`` is the smallest allowed; ``none`` says what None would mean, if it may be given.

    Raises
    ------
    TypeError, ValueError
        For another type; for a smaller number.
    """
    if value is None and none:
        return
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number{f', or None: {none}' if none else ''}; not {value!r}")
    if value.__index__() < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def check_flag(name: str, value: object) -> None:
    """Raise TypeError unless a value is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
