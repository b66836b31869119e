"""The sources: one module each, found by name, imported only when asked for.

A lab's own sources need not lie here: an installed distribution may name them as entry points of the group
``cytoimagenet.sources``, ``<dir_name> = "module"``, each module with a ``SOURCE``.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable

from builder.errors import UserError
from builder.sources.base import Source

_DATABASES = ("bbbc", "cil_", "idr", "kag_", "rec_")


def source_names() -> list[str]:
    """Return the dir_names of all sources, sorted."""
    names = {module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith(_DATABASES)}
    return sorted(names | _plugins().keys())


@functools.cache
def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the sources that other distributions bring, by dir_name."""
    return {point.name: point for point in importlib.metadata.entry_points(group="cytoimagenet.sources")}


def get_source(dir_name: str) -> Source:
    """Return the source; an unknown name is a UserError with the nearest known one."""
    names = source_names()
    if dir_name not in names:
        near = difflib.get_close_matches(dir_name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
        raise UserError(f"unknown source {dir_name!r}; {hint}")
    plugin = _plugins().get(dir_name)
    module = importlib.import_module(f"{__name__}.{dir_name}" if plugin is None else plugin.module)
    source = module.SOURCE
    if not isinstance(source, Source) or source.dir_name != dir_name:
        raise TypeError(f"{module.__file__}: SOURCE is not the Source {dir_name}")
    return source


def all_sources(only: Iterable[str] = ()) -> list[Source]:
    """Return the sources named, or all, sorted by dir_name."""
    return [get_source(name) for name in sorted(set(only)) or source_names()]
