"""Compilation by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F, **more: bool) -> F:
    """Compile at first use, without the interpreter's lock; keep the machine code on disk where that is possible."""
    options: Any = {"nogil": True, "error_model": "numpy", **more}
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder where the machine code could be kept
        return cast(F, numba.njit(**options)(function))


def inlined(function: F) -> F:
    """Compile into the callers: for the few steps of a loop so tight that a call would cost more than they do."""
    return jit(function, forceinline=True)
