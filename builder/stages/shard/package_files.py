"""Files in PACKAGE that belong to this build.

Only these may be replaced or removed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from builder.engine.store import Store
from builder.errors import UserError
from builder.stages import work_files
from cytoimagenet_reader.layout import DATA, MANIFEST


def require_empty_or_package(package: Store, work: Store) -> None:
    """Refuse to write among files that no build made.

    Raises
    ------
    UserError
        Naming one of them.
    """
    if known_files(work) or package.exists(MANIFEST):
        return
    strange = package.list("")
    if strange:
        raise UserError(f"{package.url} holds {strange[0]} and is not a package; name a new or empty folder with -o")


def known_files(work: Store) -> list[str]:
    """Return the shards planned by builds with this WORK."""
    path = work_files.PACKAGE_FILES
    names: list[str] = json.loads(work.read_bytes(path)) if work.exists(path) else []
    return names


def stale_files(work: Store, package: Store, wanted: Iterable[str]) -> list[str]:
    """Return an earlier build's shards that are no longer wanted."""
    earlier = set(known_files(work)) - set(wanted)
    present = package.sizes(DATA) if earlier else {}
    return sorted(earlier & present.keys())


def retire(work: Store, package: Store, wanted: set[str]) -> None:
    """Remove an earlier build's shards that are no longer wanted.

    Files that `build` did not write are never touched.
    """
    before = known_files(work)
    stale = stale_files(work, package, wanted)
    work.write_bytes(work_files.PACKAGE_FILES, json.dumps(sorted({*before, *wanted})).encode())
    if stale:
        unfinish(package)
    for path in stale:
        package.delete(path)
        local = package.local(path)
        if local is not None:
            with contextlib.suppress(OSError):  # others are still in it; `verify` refuses an empty folder
                Path(local).parent.rmdir()


def unfinish(package: Store) -> None:
    """Remove the manifest before a shard changes.

    An unfinished package must not pass for a finished one.
    """
    with contextlib.suppress(FileNotFoundError):  # another worker was first
        if package.exists(MANIFEST):
            package.delete(MANIFEST)
