"""Registry of sources, loaded by name on demand.

Each is a module, imported only when asked for. A lab's own sources need not lie here: a folder of DATA with a
``source.toml`` is one (``declared``), and an installed distribution may name some as entry points of the group
``cytoimagenet.sources``, ``<dir_name> = "module"``, each module with a ``SOURCE``.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import importlib.metadata
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from builder.code_version import code_version
from builder.engine.store import Store
from builder.errors import UserError
from builder.sources.base import Source

DECLARATION: Final = "source.toml"
"""A folder of DATA with a file of this name is a source, which the file declares."""

_DATABASES = ("bbbc", "cil_", "idr", "kag_", "rec_")
_DECLARED: Final = f"{__name__}.declared.source"  # imported by name: its code counts for declared sources alone
_DIR_NAME: Final = re.compile(r"[^\W_][\w .-]*")


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


def source_at(root: str, dir_name: str, options: dict[str, Any] | None = None) -> Source:
    """Return the source whose folder is ``root``.

    It is the one that its ``source.toml`` declares, or the known one of that name.

    Raises
    ------
    UserError
        For an unknown name, and for a declaration that cannot be used.
    """
    store = Store(root, options)
    if not store.exists(DECLARATION):
        return get_source(dir_name)
    where = f"{root.rstrip('/')}/{DECLARATION}"
    if dir_name in source_names():
        raise UserError(f"{where}: {dir_name} is the name of a known source; rename the folder, or remove the file")
    if not _DIR_NAME.fullmatch(dir_name):
        raise UserError(f"{where}: rename the folder {dir_name!r}: a source's name has letters, digits, '_', '-', '.'")
    return importlib.import_module(_DECLARED).read_source(store.read_bytes(DECLARATION), dir_name, where)  # type: ignore[no-any-return]


def declared_in(data: str, options: dict[str, Any] | None = None) -> tuple[list[Source], dict[str, str]]:
    """Return the sources that folders of DATA declare.

    The second value says what is wrong with other declarations, by ``dir_name``.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        Where DATA is not a folder.
    """
    found, broken = [], {}
    store = Store(data, options)
    for name in store.folders():
        if store.exists(f"{name}/{DECLARATION}"):
            try:
                found.append(source_at(f"{data.rstrip('/')}/{name}", name, options))
            except UserError as error:
                broken[name] = str(error)
    return found, broken


def adapter_code(dir_name: str) -> str:
    """Return the hash (hex) of a source's own code.

    That is its module and all that this imports. Of a plug-in it is that of its module alone and the version of its
    distribution; of a name that is neither, that of declared sources.
    """
    if dir_name not in source_names():
        return code_version(_DECLARED)
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
    """Return the sources named, or all, and loading errors.

    Sources are sorted by dir_name; the errors map the dir_name of each that does not load to what is wrong.

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
