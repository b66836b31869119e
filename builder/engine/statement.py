"""Statements of the versions that a worker runs.

A cluster's results must be those of the machine that asks for them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from builder.code_version import PIXEL_LIBRARIES

_LIBRARIES: Final = (*PIXEL_LIBRARIES, "pyarrow", "zlib-ng", "numba")
"""Whose versions may change a byte, and numba, which says whether the compiled kernels are there."""
_PACKAGES: Final = ("builder", "cytoimagenet_reader")


@functools.cache
def statement() -> Mapping[str, str]:
    """Return the versions of this process by name.

    They cover the code (a hash of its files), Python's minor version and libraries.
    """
    found = {"cytoimagenet's code": _code(), "python": ".".join(platform.python_version_tuple()[:2])}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Return one line of differences, "" where there are none."""
    odd = [name for name in ours if theirs.get(name, "none") != ours[name]]
    return ", ".join(f"{name} {theirs.get(name, 'none')} in place of {ours[name]}" for name in odd)


def _code() -> str:
    """Return a 12-digit hex hash of the worker's source files."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:12]
