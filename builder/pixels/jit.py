"""How passes are compiled by numba (extra ``fast``); importing this without numba raises ImportError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F, **more: bool) -> F:
    """Compile at first use, keeping the machine code on disk where a folder can be written."""
    options: Any = {"nogil": True, "error_model": "numpy", **more}
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no writable place for the cache
        return cast(F, numba.njit(**options)(function))


def inlined(function: F) -> F:
    """Compile into its callers: for the few steps of a loop so tight that a call would cost more than they do."""
    return jit(function, forceinline=True)
