"""Fetching of missing source files into DATA."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from builder.download.transfer import fetch
from builder.download.unpack import is_archive, unpack
from builder.download.wanted import Wanted
from builder.engine import localfiles
from builder.errors import UserError

RECORD: Final = ".downloads.json"
"""In a source's folder: url -> name, bytes, sha256 and files of what was fetched."""


def download(
    wanted: Sequence[Wanted], data: Path, connections: int = 4, on_bytes: Callable[[int], object] = lambda count: None
) -> list[dict[str, Any]]:
    """Fetch files that are not there yet; unpack archives.

    Returns the facts of each: dir_name, name, bytes, sha256, files (unpacked), fresh (False where it was there). What
    fails is tried to its end for the other files too, and then raised.

    Raises
    ------
    UserError
        For the first file that could not be fetched or unpacked; those before and after it are there.
    """
    with ThreadPoolExecutor(connections, "download") as threads:
        futures = [threads.submit(_one, one, data / one.dir_name, on_bytes) for one in wanted]
    found, failed = [], []
    for one, future in zip(wanted, futures, strict=True):
        error = future.exception()
        if error is None:
            found.append({"dir_name": one.dir_name, **future.result()})
        elif isinstance(error, UserError):
            failed.append(str(error))
        else:
            raise error
    for dir_name in {one["dir_name"] for one in found}:
        _keep(data / dir_name, [one for one in found if one["dir_name"] == dir_name])
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise UserError(f"{failed[0]}{more}")
    return found


def _one(wanted: Wanted, folder: Path, on_bytes: Callable[[int], object]) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    kept = _recorded(folder).get(wanted.url)
    target, unpacked = folder / wanted.name, folder / _stem(wanted.name)
    archive = is_archive(wanted.name)
    if kept and (unpacked.is_dir() if archive else target.exists() and target.stat().st_size == kept["bytes"]):
        return {**kept, "url": wanted.url, "fresh": False}
    fetched = fetch(wanted.url, target, wanted.sha256, on_bytes)
    files = 1
    if archive:
        files = unpack(target, unpacked)
        target.unlink()
    return {"url": wanted.url, "name": wanted.name, **fetched._asdict(), "files": files, "fresh": True}


def _stem(name: str) -> str:
    for ending in (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".zip"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _recorded(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        return dict(json.loads((folder / RECORD).read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _keep(folder: Path, found: Sequence[dict[str, Any]]) -> None:
    record = _recorded(folder)
    for one in found:
        record[one["url"]] = {name: one[name] for name in ("name", "bytes", "sha256", "files")}
    with localfiles.replacing(folder / RECORD) as file:
        file.write(json.dumps(dict(sorted(record.items())), indent=1).encode())
