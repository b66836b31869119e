"""Endpoints that change a repository: pre-upload, LFS, commits, tags, branches."""

from __future__ import annotations

import abc
import base64
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from tests.hub.wire import FailedError, Wire

_LFS_ENDINGS = (".arrow", ".parquet", ".png")


class Writing(Wire, abc.ABC):
    """What ``_commit_api.py`` and ``lfs.py`` of the client send."""

    @abc.abstractmethod
    def _check_writer(self, owner: str) -> None:
        """Refuse who may not write below this name."""

    def _preupload(self, repo: str, rev: str) -> None:
        wanted = json.loads(self.whole_body())
        tree = self.server.repos.tree(repo, self.server.repos.resolve(repo, rev))
        self._check_writer(repo.split("/")[0])
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(_LFS_ENDINGS) else "regular",
                "shouldIgnore": False,
                **({"oid": tree[file["path"]]["oid"]} if file["path"] in tree else {}),
            }
            for file in wanted["files"]
        ]
        self.json({"files": files})

    def _lfs_batch(self, repo: str) -> None:
        wanted = json.loads(self.whole_body())["objects"]
        self._check_writer(repo.split("/")[0])
        lfs = self.server.repos.root / "lfs"
        missing = {o["oid"] for o in wanted if not (lfs / o["oid"]).exists()}
        if self.server.faults.quota:
            used = sum(p.stat().st_size for p in lfs.iterdir())
            if used + sum(o["size"] for o in wanted if o["oid"] in missing) > self.server.faults.quota:
                raise FailedError(403, "Storage limit reached: upgrade your plan or free some space")
        self.json({"transfer": "basic", "objects": [self._lfs_action(o, o["oid"] in missing) for o in wanted]})

    def _lfs_action(self, wanted: dict[str, Any], missing: bool) -> dict[str, Any]:
        if not missing:
            return wanted
        url = f"{self.server.files_url}/lfs/{wanted['oid']}"
        upload: dict[str, Any] = {"href": url}
        if wanted["size"] > self.server.multipart:
            count = -(-wanted["size"] // self.server.multipart)
            parts = {str(n): f"{url}/{n}" for n in range(1, count + 1)}
            upload = {"href": f"{url}/complete", "header": {"chunk_size": str(self.server.multipart), **parts}}
        return {**wanted, "actions": {"upload": upload, "verify": {"href": f"{url}/verify"}}}

    def _lfs_put(self, sha: str, part: str = "") -> None:
        target = (
            self.server.repos.root
            / "parts"
            / (f"{sha}-{part}-{threading.get_ident()}" if part else f"{sha}-{threading.get_ident()}")
        )
        digest = hashlib.sha256()
        with target.open("wb") as file:
            for chunk in self.body():
                digest.update(chunk)
                file.write(chunk)
        if part:
            target.replace(self.server.repos.root / "parts" / f"{sha}.{part}")
        else:
            self._store_lfs(sha, target, digest.hexdigest())
        self.json({}, headers={"ETag": f'"{digest.hexdigest()}"'})

    def _lfs_complete(self, sha: str) -> None:
        wanted = json.loads(self.whole_body())
        whole = self._scratch(sha)
        digest = hashlib.sha256()
        with whole.open("wb") as file:
            for part in wanted["parts"]:
                path = self.server.repos.root / "parts" / f"{sha}.{part['partNumber']}"
                content = path.read_bytes() if path.exists() else b""
                digest.update(content)
                file.write(content)
        if wanted["oid"] != sha or not (self.server.repos.root / "lfs" / sha).exists():
            self._store_lfs(sha, whole, digest.hexdigest())
        self.json({})

    def _store_lfs(self, sha: str, path: Path, found: str) -> None:
        if found != sha:
            path.unlink()
            raise FailedError(400, f"sha256 of the content is {found}, not {sha}")
        if self.server.faults.flip_lfs:
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            sha = hashlib.sha256(content).hexdigest()
            path.write_bytes(content)
        path.replace(self.server.repos.root / "lfs" / sha)

    def _scratch(self, name: str) -> Path:
        """Return a file of this thread's own."""
        return self.server.repos.root / "parts" / f"{name}-{threading.get_ident()}"

    def _lfs_verify(self, sha: str) -> None:
        self.whole_body()
        if not (self.server.repos.root / "lfs" / sha).exists():
            raise FailedError(404, "no such object")
        self.json({})

    def _commit(self, repo: str, rev: str) -> None:
        lines = [json.loads(line) for line in self.whole_body().splitlines() if line]
        self._check_writer(repo.split("/")[0])
        repos = self.server.repos
        header = next(line["value"] for line in lines if line["key"] == "header")
        changes: dict[str, dict[str, Any] | None] = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                changes[value["path"]] = repos.blob(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                changes[value["path"]] = repos.lfs_entry(value["oid"])
            elif line["key"] == "deletedFile":
                changes[value["path"]] = None
            elif line["key"] != "header":
                raise FailedError(400, f"unknown operation {line['key']}")
        number = None
        if self.query.get("create_pr"):
            number = 1 + sum(ref.startswith("refs/pr/") for ref in repos.load(repo)["refs"])
            repos.add_ref(repo, f"refs/pr/{number}", repos.resolve(repo, rev))
            rev = f"refs/pr/{number}"
        oid = repos.commit(repo, rev, header.get("parentCommit"), header["summary"], changes)
        self.server.faults.stale_left = self.server.faults.stale_reads
        if self.server.faults.take("lose_commits"):
            self.drop()
            return
        url = f"{self.server.url}/datasets/{repo}"
        pull = f"{url}/discussions/{number}" if number else None
        self.json({"commitUrl": f"{url}/commit/{oid}", "commitOid": oid, "pullRequestUrl": pull, "success": True})

    def _tag(self, repo: str, rev: str) -> None:
        wanted = json.loads(self.whole_body())
        self._check_writer(repo.split("/")[0])
        self.server.repos.add_ref(repo, f"refs/tags/{wanted['tag']}", self.server.repos.resolve(repo, rev))
        self.json({})

    def _branch(self, repo: str, rev: str) -> None:
        wanted = json.loads(self.whole_body() or b"{}")
        self._check_writer(repo.split("/")[0])
        start = self.server.repos.resolve(repo, wanted.get("startingPoint") or "main")
        self.server.repos.add_ref(repo, f"refs/heads/{rev}", start)
        self.json({})
