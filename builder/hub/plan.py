"""What a push will change on the hub.

The package's manifest is compared with what the hub holds.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from builder.engine.store import Store
from builder.errors import UserError
from builder.package.check_manifest import forbidden
from builder.package.manifest import PACKAGE, Manifest
from cytoimagenet_reader import layout
from cytoimagenet_reader import manifest as manifest_reading

Held = Mapping[str, tuple[int, str, str | None]]
"""path -> (bytes, git oid, sha256 or None) of a repository."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Paths grouped by what a push does to them.

    ``old`` is the manifest that the repository holds now.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    gone: tuple[str, ...]
    kept: tuple[str, ...]
    """Files that no package put there: left alone."""
    bytes_to_send: int
    old: Manifest | None

    def lines(self, repo_id: str) -> list[str]:
        """Return what is to be said before anything is done."""
        before = f"holds version {self.old['version']}" if self.old else "holds no package yet"
        out = [f"{repo_id} {before}"]
        for what in ("new", "changed", "same", "gone"):
            paths = getattr(self, what)
            shown = f": {', '.join(paths[:4])}{' …' * (len(paths) > 4)}" if paths and what != "same" else ""
            out.append(f"  {len(paths):>5,} {what}{shown}")
        if self.kept:
            out.append(f"  {len(self.kept):>5,} not of a package, left alone: {', '.join(self.kept[:4])}")
        commits = 1 if self.new or self.changed or self.gone else 0
        out.append(f"  {self.bytes_to_send:,} bytes to send at most, {commits} commit{'s' * (commits != 1)}")
        return out


def make_plan(
    package: Store,
    manifest: Manifest,
    held: Held,
    old: Manifest | None,
    repo_id: str,
    read: Callable[[str], bytes],
) -> Plan:
    """Compare a package with what a repository holds.

    ``read`` returns the content of a small file of the repository.

    Raises
    ------
    UserError
        Where the repository holds a loading script, or files that look like another dataset.
    """
    _refuse_foreign(held, old, repo_id)
    wanted = {**manifest["files"], layout.MANIFEST: _facts(package, layout.MANIFEST)}
    new = tuple(path for path in wanted if path not in held)
    same = tuple(path for path in wanted if path in held and is_held(package, path, wanted[path], held[path]))
    changed = tuple(path for path in wanted if path in held and path not in same)
    once = {} if old is None else {**old["files"]}
    left = [path for path in once if path in held and path not in wanted]
    gone = tuple(path for path in left if _is_old(once[path], held[path], path, read))
    kept = tuple(p for p in held if p not in wanted and p not in gone and p not in layout.FOREIGN)
    sent = sum(wanted[path]["bytes"] for path in (*new, *changed))
    return Plan(_sorted(new), _sorted(changed), _sorted(same), _sorted(gone), _sorted(kept), sent, old)


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))


def is_held(package: Store, path: str, facts: Mapping[str, Any], held: tuple[int, str, str | None]) -> bool:
    """Return whether the hub holds this file of the package.

    Compared by sha256, or by git's id where it is no LFS file.
    """
    size, oid, sha256 = held
    if size != facts["bytes"]:
        return False
    return bool(sha256 == facts["sha256"]) if sha256 else oid == git_oid(package.read_bytes(path))


def git_oid(content: bytes) -> str:
    """Return the id that git gives a file.

    It is the sha1 of ``blob <size>\\0`` and the content.
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def parse_manifest(content: bytes) -> Manifest | None:
    """Parse a repository's manifest; None where it is something else."""
    try:
        return {**manifest_reading.parse_manifest(content)}
    except manifest_reading.ManifestError:
        return None


def _is_old(
    facts: Mapping[str, Any], held: tuple[int, str, str | None], path: str, read: Callable[[str], bytes]
) -> bool:
    """Return whether the hub's file is still the old package's."""
    size, _, sha256 = held
    if size != facts["bytes"]:
        return False
    return bool((sha256 or hashlib.sha256(read(path)).hexdigest()) == facts["sha256"])


def _refuse_foreign(held: Held, old: Manifest | None, repo_id: str) -> None:
    scripts = sorted(forbidden(repo_id) & held.keys())
    if scripts:
        raise UserError(f"{repo_id} holds {scripts[0]}, which newer `datasets` refuse; remove it there and push again")
    odd = [path for path in held if path not in (layout.CARD, *layout.FOREIGN) and "licen" not in path.lower()]
    if old is None and odd:
        raise UserError(
            f"{repo_id} holds {len(odd)} files that no {PACKAGE} package put there, for instance {min(odd)}; "
            "push to another name"
        )


def _facts(package: Store, path: str) -> dict[str, Any]:
    content = package.read_bytes(path)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
