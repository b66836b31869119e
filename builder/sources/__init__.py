"""The sources: one module each, found by name, imported only when asked for.

A lab's own sources need not lie here: an installed distribution may name them as entry points of the group
``cytoimagenet.sources``, ``<dir_name> = "module"``, each module with a ``SOURCE``.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from builder.code_version import code_version
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
    """Return the source.

    Raises
    ------
    UserError
        For an unknown name, with the nearest known one; and where a plug-in does not give what it says.
    """
    names = source_names()
    if dir_name not in names:
        near = difflib.get_close_matches(dir_name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
        raise UserError(f"unknown source {dir_name!r}; {hint}")
    plugin = _plugins().get(dir_name)
    if plugin is None:
        return _source_of(f"{__name__}.{dir_name}", dir_name)
    try:
        return _source_of(plugin.module, dir_name)
    except Exception as error:  # another's code: whatever it raises is said with its name
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"the plug-in {plugin.module} gives no source {dir_name} ({text}); fix or remove it") from error


def _source_of(module_name: str, dir_name: str) -> Source:
    module = importlib.import_module(module_name)
    source = module.SOURCE
    if not isinstance(source, Source) or source.dir_name != dir_name:
        raise TypeError(f"{module.__file__}: SOURCE is not the Source {dir_name}")
    return source


def adapter_code(dir_name: str) -> str:
    """Return the hash (hex) of a source's own code: its module and all that this imports.

    Of a plug-in it is that of its module alone and the version of its distribution.
    """
    plugin = _plugins().get(dir_name)
    if plugin is None:
        return code_version(f"{__name__}.{dir_name}")
    file = importlib.import_module(plugin.module).__file__
    digest = hashlib.sha256(Path(file).read_bytes() if file else b"")
    digest.update(str(plugin.dist.version if plugin.dist else "").encode())
    return digest.hexdigest()


def all_sources(only: Iterable[str] = ()) -> list[Source]:
    """Return the sources named, or all, sorted by dir_name."""
    return [get_source(name) for name in sorted(set(only)) or source_names()]


def load_sources(only: Iterable[str] = ()) -> tuple[list[Source], dict[str, str]]:
    """Return the sources named, or all, sorted by dir_name, and dir_name -> what is wrong with those that do not load.

    Raises
    ------
    UserError
        For an unknown name.
    """
    known = set(source_names())
    found, broken = [], {}
    for name in sorted(set(only) or known):
        try:
            found.append(get_source(name))
        except UserError as error:
            if name not in known:
                raise
            broken[name] = str(error)
    return found, broken
