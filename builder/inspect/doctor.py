"""What a build finds on this machine.

Versions, decoders, disk space, memory, limits and optional parts.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from builder import __version__
from builder.engine.memory import headroom
from builder.engine.space import free_bytes, readable
from builder.engine.store import Store

_NEEDED: Final = ("numpy", "pyarrow", "datasets", "numba", "tifffile", "imagecodecs", "pillow", "zlib-ng", "fsspec")
_OPTIONAL: Final = {
    "torch": ("`cytoimagenet.loader` gives tensors, and the examples train", "cytoimagenet[train]"),
    "distributed": ("builds on a Dask cluster (--scheduler)", "cytoimagenet[cluster]"),
    "s3fs": ("folders and packages in S3", "cytoimagenet[s3]"),
    "gcsfs": ("folders and packages in Google Cloud Storage", "gcsfs"),
    "adlfs": ("folders and packages in Azure", "adlfs"),
}
_CODECS: Final = ("LZW", "DEFLATE", "ZSTD", "JPEG", "JPEG2K", "JPEGXR", "LZMA", "PACKBITS", "WEBP")
_FEW_FILES: Final = 256
_LITTLE_MEMORY: Final = 1 << 30  # bytes a process
_LITTLE_ROOM: Final = 1 << 30


def findings(folder: str) -> dict[str, Any]:
    """Return the facts about this machine as JSON values.

    ``problems`` has a line for each thing that would hinder a build.
    """
    facts: dict[str, Any] = {
        "cytoimagenet": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "versions": {name: _version(name) for name in _NEEDED},
        "codecs": _codecs(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": headroom(),
        "open_files": _open_files(),
        "rooms": {"folder": _room(folder), "temporary": _room(tempfile.gettempdir())},
        "shared_memory": _shared_memory(),
        "compiled": _is_compiled(),
        "optional": {
            name: {"version": _version(name), "gives": gives, "install": f"pip install '{install}'"}
            for name, (gives, install) in _OPTIONAL.items()
        },
    }
    return {**facts, "problems": list(_problems(facts))}


def doctor_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return the facts as text."""
    lines = [f"cytoimagenet {facts['cytoimagenet']}, Python {facts['python']}, {facts['system']}"]
    lines += [f"  {name:<12} {version or 'MISSING'}" for name, version in facts["versions"].items()]
    missing = [name for name, there in facts["codecs"].items() if not there]
    lines.append("decoders: all" if not missing else f"decoders: all but {', '.join(missing)}")
    memory = "not known" if facts["memory"] is None else readable(facts["memory"])
    lines.append(
        f"cores: {facts['cores']}, memory left: {memory}, files that may be open: {facts['open_files'] or '?'}"
    )
    for name, room in facts["rooms"].items():
        free = "" if room["free"] is None else f", {readable(room['free'])} free"
        lines.append(f"{name}: {room['place']}{free}{'' if room['writable'] else ', CANNOT BE WRITTEN TO'}")
    lines.append(f"pixel kernels: {'compiled' if facts['compiled'] else 'compiled at the first build, half a minute'}")
    for name, part in facts["optional"].items():
        state = part["version"] or f"not installed; {part['install']}"
        lines.append(f"  {name:<12} {state}: {part['gives']}")
    return lines + [f"PROBLEM: {line}" for line in facts["problems"]] + ["no problem found"] * (not facts["problems"])


def _problems(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, version in facts["versions"].items():
        if version is None:
            yield f"{name} is missing: pip install cytoimagenet"
    for name, room in facts["rooms"].items():
        if not room["writable"]:
            hint = "set TMPDIR to another place" if name == "temporary" else "name another folder"
            yield f"{room['place']} cannot be written to: {hint}"
        elif room["free"] is not None and room["free"] < _LITTLE_ROOM:
            yield f"{room['place']} has only {readable(room['free'])} free"
    if facts["memory"] is not None and facts["memory"] < _LITTLE_MEMORY * facts["cores"]:
        yield f"{readable(facts['memory'])} of memory for {facts['cores']} processes: use fewer --workers"
    if facts["open_files"] is not None and facts["open_files"] < _FEW_FILES:
        yield f"only {facts['open_files']} files may be open: ulimit -n 1024"
    if facts["shared_memory"]:
        yield f"processes cannot share memory ({facts['shared_memory']}): --workers 0 does without"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _codecs() -> dict[str, bool]:
    import imagecodecs

    return {name: bool(getattr(imagecodecs, name).available) for name in _CODECS}


def _open_files() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _room(place: str) -> dict[str, Any]:
    store = Store(place)
    local = store.local("")
    if local is None:
        return {"place": place, "free": None, "writable": True}
    folder = next(path for path in (Path(local), *Path(local).parents) if path.exists())
    writable = False
    with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder):
        writable = True
    return {"place": str(folder), "free": free_bytes(store), "writable": writable}


def _shared_memory() -> str:
    """Return why interprocess locks are unavailable, "" where they work."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except OSError as error:
        return str(error.strerror)
    return ""


def _is_compiled() -> bool:
    from builder.stages.standardize.precompile import is_compiled

    return is_compiled()
