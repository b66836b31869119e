"""Free and needed space on a build's file systems."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path

from builder.engine.store import Store
from builder.errors import UserError

_MARGIN = 1.05  # tables, markers, the file that is being written


@dataclasses.dataclass(frozen=True)
class Need:
    """What a build will write into a store.

    Parameters
    ----------
    what : for people ("work", "package")
    store : where it goes
    size : bytes to be written in addition to what is there
    """

    what: str
    store: Store
    size: int


def free_bytes(store: Store) -> int | None:
    """Return the bytes this user may still write, or None.

    None where that has no meaning for the store's file system.
    """
    folder = _nearest(store)
    return None if folder is None else shutil.disk_usage(folder).free


def check_space(needs: Iterable[Need]) -> list[str]:
    """Return needed and free space, one line per need.

    Needs on one file system are added up.

    Raises
    ------
    UserError
        Where a file system has less than its needs and 5 % more.
    """
    lines: list[str] = []
    wanted: dict[int, list[Need]] = {}
    for need in needs:
        device = _device(need.store)
        free = free_bytes(need.store)
        lines.append(
            f"{need.what}: {readable(need.size)} in {need.store.url}, {readable(free)} free"
            if free is not None
            else f"{need.what}: {readable(need.size)} in {need.store.url}"
        )
        if device is not None:
            wanted.setdefault(device, []).append(need)
    for together in wanted.values():
        size = int(sum(need.size for need in together) * _MARGIN)
        free = free_bytes(together[0].store)
        if free is not None and size > free:
            names = " and ".join(f"{need.what} ({need.store.url})" for need in together)
            raise UserError(
                f"{names} need {readable(size)} and {readable(free)} are free: free some space, "
                "or name another place with --work or -o"
            )
    return lines


def on_one_file_system(one: Store, other: Store) -> bool:
    """Return whether two stores appear to share one file system."""
    return _device(one) is not None and _device(one) == _device(other)


def _device(store: Store) -> int | None:
    folder = _nearest(store)
    return None if folder is None else folder.stat().st_dev


def _nearest(store: Store) -> Path | None:
    """Return the nearest existing folder; None for a remote store."""
    local = store.local("")
    if local is None:
        return None
    folder = Path(local)
    while not folder.exists():
        folder = folder.parent
    return folder


def readable(size: float) -> str:
    """Return bytes in a readable unit (powers of 1,000)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} PB"
