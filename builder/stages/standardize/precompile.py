"""Compilation of the pixel kernels before the first image.

One process of a machine compiles while the others wait. It takes longer than an image may in a build with short time
limits, and would keep every core busy where many processes start together. What it gives is kept on disk
(``cytoimagenet_reader.jit``).
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import tifffile
from PIL import Image

from builder.draw import Draw
from builder.engine import markers
from builder.pixels import kernels
from builder.pixels.candidates import candidates
from builder.pixels.read import read
from builder.recipe import Recipe
from cytoimagenet_reader import jit
from cytoimagenet_reader.png import encoder

_RECIPE = Recipe(min_side=8, min_crop_side=8)
_SIDE = 128
_CODE = (Path(kernels.__file__).parent, Path(encoder.__file__).parent, Path(jit.__file__).parent)


def compile_kernels() -> None:
    """Compile or load what ordinary candidates need.

    It is read from disk where a process compiled it before.
    """
    done = _mark()
    if not done.exists():
        done.parent.mkdir(mode=0o700, exist_ok=True)
        with filelock.FileLock(f"{done}.lock"):
            if not done.exists():
                _standardise_samples()
                done.touch()
                return
    _standardise_samples()


def _standardise_samples() -> None:
    for channels in _samples():
        for found in candidates(channels, 4, Draw(0, "sample"), _RECIPE):
            if found.pixels is not None:
                encoder.encode(found.pixels)


def is_compiled() -> bool:
    """Return whether compilation was already done here."""
    return _mark().exists()


def _mark() -> Path:
    """Return the file that marks compilation as done.

    It stands for this code, machine, Python, numba and cache. Code is identified by size and time, as in the index of
    numba's cache.
    """
    versions = platform.node(), platform.machine(), sys.version, importlib.metadata.version("numba")
    places = sys.prefix, __file__, os.environ.get("NUMBA_CACHE_DIR", "")
    user = os.getuid() if hasattr(os, "getuid") else ""
    files = sorted(path for folder in _CODE for path in folder.glob("*.py"))
    code = (f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)
    name = markers.fingerprint(*code, *versions, *places)
    return Path(tempfile.gettempdir(), f"cytoimagenet-compiled-{user}", name[:16])


def _samples() -> Iterator[list[Any]]:
    """Yield sample channels in the forms that files give.

    They are those of Cell Painting, of RxRx, single ones, and a colour candidate. Another number of channels needs two
    seconds at its first image.
    """
    y, x = np.mgrid[:_SIDE, :_SIDE]
    blobs = 120 + 100 * np.sin(x / 7) * np.cos(y / 5) + np.random.default_rng(0).normal(0, 8, (_SIDE, _SIDE))
    grey = blobs.clip(0, 255).astype(np.uint8)
    deep = io.BytesIO()
    tifffile.imwrite(deep, grey.astype(np.uint16) * 16)
    for content, count in ((deep.getvalue(), 5), (_png(grey), 6)):
        yield [read(content)]
        yield [read(content)] * count
    yield [read(_png(np.stack([grey, grey, 255 - grey], axis=2)))]


def _png(pixels: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()
