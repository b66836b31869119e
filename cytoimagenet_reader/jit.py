"""Compilation by numba.

numba keeps machine code on disk, and makes it again where a function's own file has changed, but not where a function
that it calls has changed in another file. So it is kept in a folder for the content of all files that it may come from.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_HERE = Path(__file__).parent
_making = threading.RLock()


def jit(function: F, **more: bool) -> F:
    """Compile at first use, without the interpreter's lock.

    The machine code is kept on disk where that is possible. numba itself is loaded at first use, too: half a second
    that most commands never need.
    """
    return cast(F, functools.update_wrapper(_Compiled(function, more), function))


def inlined(function: F) -> F:
    """Compile into the callers.

    This is for the few steps of a loop so tight that a call would cost more than they do.
    """
    return jit(function, forceinline=True)


class _Compiled:
    """A numba function, compiled when it is first called.

    Python calls it, or another one.
    """

    def __init__(self, function: Callable[..., Any], more: dict[str, bool]) -> None:
        self._function = function
        self._options = {"nogil": True, "error_model": "numpy", **more}

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """Numba's dispatcher: ``signatures``, ``stats`` and ``py_func``."""
        with _making:
            return self.__dict__.get("dispatcher") or self._make()

    def _make(self) -> Any:
        numba = _numba()
        try:
            with _kept_in(_folder(Path(self._function.__code__.co_filename).parent)):
                return numba.njit(cache=True, **self._options)(self._function)
        except RuntimeError:  # no folder where the machine code could be kept
            return numba.njit(**self._options)(self._function)


@functools.cache
def _numba() -> Any:
    """Load numba and declare our functions to it.

    One may call another.

    https://numba.readthedocs.io/en/stable/extending/low-level.html#typing
    """
    import numba
    from numba.extending import typeof_impl

    @typeof_impl.register(_Compiled)  # type: ignore[untyped-decorator, unused-ignore]
    def type_of(value: _Compiled, _context: object) -> Any:
        return numba.types.Dispatcher(value.dispatcher)

    return numba


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
    folder = Path(_numba().config.CACHE_DIR or _HERE / "__pycache__", f"numba-{digest.hexdigest()[:16]}")
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
    config = _numba().config
    before = config.CACHE_DIR
    config.CACHE_DIR = folder or before
    try:
        yield
    finally:
        config.CACHE_DIR = before
