"""Which files of PACKAGE are this build's: what may be replaced or removed, and nothing else."""

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
        raise UserError(f"{package.url} holds {strange[0]} and is no package; name a new or empty folder with -o")


def known_files(work: Store) -> list[str]:
    """Return the shards that builds with this WORK have planned for the package."""
    path = work_files.PACKAGE_FILES
    names: list[str] = json.loads(work.read_bytes(path)) if work.exists(path) else []
    return names


def stale_files(work: Store, package: Store, wanted: Iterable[str]) -> list[str]:
    """Return the shards in the package that an earlier build has planned and this one does not want."""
    earlier = set(known_files(work)) - set(wanted)
    present = package.sizes(DATA) if earlier else {}
    return sorted(earlier & present.keys())


def retire(work: Store, package: Store, wanted: set[str]) -> None:
    """Remove shards of an earlier build that this one does not have; what `build` did not write is never touched."""
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
    """Take the manifest away before a shard changes: a package in the making must not pass for a finished one."""
    with contextlib.suppress(FileNotFoundError):  # another worker was first
        if package.exists(MANIFEST):
            package.delete(MANIFEST)
