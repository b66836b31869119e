"""The sources: one module each, found by name, imported only when asked for."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable

from builder.errors import UserError
from builder.sources.base import Source

_DATABASES = ("bbbc", "cil_", "idr", "kag_", "rec_")


def source_names() -> list[str]:
    """Return the dir_names of all sources, sorted."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if name.startswith(_DATABASES))


def get_source(dir_name: str) -> Source:
    """Return the source; an unknown name is a UserError with the nearest known one."""
    names = source_names()
    if dir_name not in names:
        near = difflib.get_close_matches(dir_name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
        raise UserError(f"unknown source {dir_name!r}; {hint}")
    source = importlib.import_module(f"{__name__}.{dir_name}").SOURCE
    if not isinstance(source, Source):
        raise TypeError(f"builder/sources/{dir_name}.py: SOURCE is a {type(source).__name__}, not a Source")
    return source


def all_sources(only: Iterable[str] = ()) -> list[Source]:
    """Return the sources named, or all, sorted by dir_name."""
    return [get_source(name) for name in sorted(set(only)) or source_names()]
