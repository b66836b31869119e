"""Compilation by numba.

numba keeps machine code on disk, and makes it anew where the file of a function has changed; not where a function that
it calls has, in another file. So it is kept in a folder for the content of all files from which it may come.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.config
_HERE = Path(__file__).parent


def jit(function: F, **more: bool) -> F:
    """Compile at first use, without the interpreter's lock.

    The machine code is kept on disk where that is possible.
    """
    options: Any = {"nogil": True, "error_model": "numpy", **more}
    try:
        with _kept_in(_folder(Path(function.__code__.co_filename).parent)):
            return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder where the machine code could be kept
        return cast(F, numba.njit(**options)(function))


def inlined(function: F) -> F:
    """Compile into the callers.

    This is for the few steps of a loop so tight that a call would cost more than they do.
    """
    return jit(function, forceinline=True)


def compiled_files(folder: Path = _HERE) -> list[Path]:
    """Return the files of a folder's compiled functions.

    Those of their constants are among them. Here they are those that use this one, and ``png``; in a folder of another
    package all that lies in it, besides.
    """
    users = [path for path in _HERE.glob("*.py") if "cytoimagenet_reader.jit" in path.read_text("utf-8")]
    beside = [] if folder.is_relative_to(_HERE) else folder.glob("*.py")
    return sorted({Path(__file__), *users, *(_HERE / "png").glob("*.py"), *beside})


@functools.cache
def _folder(of: Path) -> str | None:
    """Return where machine code of this content is kept.

    None where numba is to choose, as in a read-only place.
    """
    digest = hashlib.sha256()
    for path in compiled_files(of):
        digest.update(path.read_bytes() + b"\0")
    folder = Path(_config.CACHE_DIR or _HERE / "__pycache__", f"numba-{digest.hexdigest()[:16]}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder)


@contextlib.contextmanager
def _kept_in(folder: str | None) -> Iterator[None]:
    """Have numba cache machine code in a folder.

    This holds for what is decorated in the context.
    """
    before = _config.CACHE_DIR
    _config.CACHE_DIR = folder or before
    try:
        yield
    finally:
        _config.CACHE_DIR = before
