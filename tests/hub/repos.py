"""Dataset repositories on disk: commits, trees, refs and blobs.

Each is written in one step.

The ids are git's: a file's oid is its blob hash, an LFS file's that of its pointer
(https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

Tree = dict[str, dict[str, Any]]


class NotFoundError(Exception):
    """There is no such repository, revision or entry.

    The text is the hub's error code.
    """


class ConflictError(Exception):
    """The name exists, or the parent commit is outdated."""


def blob_oid(content: bytes) -> str:
    """Return git's sha1 of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """Return what git keeps in place of an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


class Repos:
    """All repositories below a folder.

    They share the ``lfs`` objects, as they do on the hub.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        for name in ("repos", "blobs", "lfs", "parts"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def create(self, repo_id: str, private: bool) -> None:
        """Make a repository with the hub's usual first commit."""
        with self.lock:
            if self._path(repo_id).exists():
                raise ConflictError("You already created this dataset repo")
            state = {"id": repo_id, "private": private, "commits": {}, "refs": {}, "previous": {}}
            self._commit(state, "refs/heads/main", None, "initial commit", {".gitattributes": self.blob(b"*.arrow\n")})

    def load(self, repo_id: str) -> dict[str, Any]:
        """Return a repository's state."""
        path = self._path(repo_id)
        if not path.exists():
            raise NotFoundError("RepoNotFound")
        state: dict[str, Any] = json.loads(path.read_bytes())
        return state

    def resolve(self, repo_id: str, revision: str, stale: bool = False) -> str:
        """Return the commit that a revision names.

        A branch, tag, full ref or commit id; ``stale``: as before the last write.
        """
        state = self.load(repo_id)
        if revision in state["commits"]:
            return revision
        refs = state["refs"] | (state["previous"] if stale else {})
        for name in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if name in refs:
                return str(refs[name])
        raise NotFoundError("RevisionNotFound")

    def tree(self, repo_id: str, commit: str) -> Tree:
        """Return a commit's tree.

        path -> oid, size and lfs (sha256 or None).
        """
        tree: Tree = self.load(repo_id)["commits"][commit]["tree"]
        return tree

    def commit(
        self, repo_id: str, branch: str, parent: str | None, title: str, changes: dict[str, dict[str, Any] | None]
    ) -> str:
        """Change a branch in one step; return the new commit.

        None removes a path.
        """
        with self.lock:
            state = self.load(repo_id)
            ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
            head = state["refs"].get(ref)
            if head is None:
                raise NotFoundError("RevisionNotFound")
            if parent is not None and not head.startswith(parent):
                raise ConflictError("The branch was updated since you opened this page")
            tree = dict(state["commits"][head]["tree"])
            for path, entry in changes.items():
                if entry is None:
                    if tree.pop(path, None) is None:
                        raise NotFoundError("EntryNotFound")
                else:
                    tree[path] = entry
            return self._commit(state, ref, head, title, tree)

    def add_ref(self, repo_id: str, ref: str, commit: str) -> None:
        """Make a tag or branch."""
        with self.lock:
            state = self.load(repo_id)
            if ref in state["refs"]:
                raise ConflictError("Reference already exists")
            state["refs"][ref] = commit
            self._save(state)

    def blob(self, content: bytes) -> dict[str, Any]:
        """Store a small file; return its entry of a tree."""
        oid = blob_oid(content)
        _publish(self.root / "blobs" / oid, content)
        return {"oid": oid, "size": len(content), "lfs": None}

    def lfs_entry(self, sha256: str) -> dict[str, Any]:
        """Return a tree's entry for an uploaded LFS object."""
        path = self.root / "lfs" / sha256
        if not path.exists():
            raise NotFoundError("LfsObjectNotFound")
        size = path.stat().st_size
        return {"oid": blob_oid(pointer(sha256, size)), "size": size, "lfs": sha256}

    def content(self, entry: dict[str, Any]) -> Path:
        """Return where the bytes of an entry lie."""
        return self.root / ("lfs" if entry["lfs"] else "blobs") / (entry["lfs"] or entry["oid"])

    def _commit(self, state: dict[str, Any], ref: str, head: str | None, title: str, tree: Tree) -> str:
        seed = json.dumps([state["id"], head, title, tree, len(state["commits"])], sort_keys=True)
        oid = hashlib.sha1(seed.encode()).hexdigest()
        state["commits"][oid] = {"parent": head, "title": title, "tree": tree, "number": len(state["commits"])}
        if head is not None:
            state["previous"][ref] = head
        state["refs"][ref] = oid
        self._save(state)
        return oid

    def _save(self, state: dict[str, Any]) -> None:
        _publish(self._path(state["id"]), json.dumps(state).encode())

    def _path(self, repo_id: str) -> Path:
        return self.root / "repos" / f"{repo_id.replace('/', '--')}.json"


def _publish(path: Path, content: bytes) -> None:
    hidden = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    hidden.write_bytes(content)
    hidden.replace(path)
