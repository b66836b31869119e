"""Endpoints that read a repository: info, refs, tree, paths, files."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from typing import Any

from tests.hub.repos import NotFoundError
from tests.hub.wire import FailedError, Wire


class Reading(Wire):
    """What ``hf_api.py``, ``hf_file_system.py`` and ``file_download.py`` of the client ask for."""

    def _info(self, repo: str, rev: str = "main") -> None:
        commit = self._read_commit(repo, rev)
        tree = self.server.repos.tree(repo, commit)
        state = self.server.repos.load(repo)
        date = "2021-11-23T00:00:00.000Z"
        self.json(
            {
                "_id": hashlib.md5(repo.encode(), usedforsecurity=False).hexdigest()[:24],
                "id": repo,
                "author": repo.split("/")[0],
                "sha": commit,
                "lastModified": date,
                "createdAt": date,
                "private": state["private"],
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": [{"rfilename": path} for path in sorted(tree)],
            }
        )

    def _refs(self, repo: str) -> None:
        found: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": [], "pullRequests": []}
        places = {"refs/heads/": "branches", "refs/tags/": "tags", "refs/pr/": "pullRequests"}
        for ref, commit in self.server.repos.load(repo)["refs"].items():
            prefix = next(prefix for prefix in places if ref.startswith(prefix))
            name = ref.removeprefix(prefix)
            found[places[prefix]].append({"name": name, "ref": ref, "targetCommit": commit})
        self.json(found)

    def _commits(self, repo: str, rev: str) -> None:
        commits = self.server.repos.load(repo)["commits"]
        here: str | None = self._read_commit(repo, rev)
        found = []
        while here is not None:
            date = "2021-11-23T00:00:00.000Z"
            found.append({"id": here, "title": commits[here]["title"], "message": "", "date": date, "authors": []})
            here = commits[here]["parent"]
        self.json(found)

    def _tree(self, repo: str, rev: str, path: str = "") -> None:
        commit = self._read_commit(repo, rev)
        prefix = f"{path.rstrip('/')}/" if path else ""
        tree = {p: e for p, e in self.server.repos.tree(repo, commit).items() if p.startswith(prefix)}
        if prefix and not tree:
            raise NotFoundError("EntryNotFound")
        recursive = self.query.get("recursive", "").lower() in ("true", "1")
        entries = {p: _file(p, e) for p, e in tree.items() if recursive or "/" not in p[len(prefix) :]}
        for p in tree:
            steps = p[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(steps) + 1 if recursive else min(2, len(steps) + 1)):
                folder = prefix + "/".join(steps[:depth])
                entries[folder] = {
                    "type": "directory",
                    "path": folder,
                    "size": 0,
                    "oid": hashlib.sha1(folder.encode()).hexdigest(),
                }
        start = int(self.query.get("cursor", 0))
        listed = [entries[p] for p in sorted(entries)]
        headers = {}
        if start + self.server.page < len(listed):
            query = urllib.parse.urlencode({**self.query, "cursor": start + self.server.page})
            target = f"{self.server.url}{urllib.parse.urlsplit(self.path).path}?{query}"
            headers["Link"] = f'<{target}>; rel="next"'
        self.json(listed[start : start + self.server.page], headers=headers)

    def _paths_info(self, repo: str, rev: str) -> None:
        body = self.whole_body()
        if "json" in self.headers.get("Content-Type", ""):
            paths = json.loads(body)["paths"]
        else:
            paths = urllib.parse.parse_qs(body.decode()).get("paths", [])
        tree = self.server.repos.tree(repo, self._read_commit(repo, rev))
        found = []
        for path in paths:
            if path in tree:
                found.append(_file(path, tree[path]))
            elif any(p.startswith(f"{path}/") for p in tree):
                found.append(_folder(path))
        self.json(found)

    def _resolve(self, repo: str, rev: str, path: str) -> None:
        commit = self._read_commit(repo, rev)
        entry = self.server.repos.tree(repo, commit).get(path)
        if entry is None:
            raise NotFoundError("EntryNotFound")
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if entry["lfs"] is None:
            self.send_file(self.server.repos.content(entry), headers | {"ETag": f'"{entry["oid"]}"'})
            return
        linked = {"X-Linked-Etag": f'"{entry["lfs"]}"', "X-Linked-Size": str(entry["size"])}
        location = {"Location": f"{self.server.files_url}/lfs/{entry['lfs']}", "ETag": f'"{entry["oid"]}"'}
        self.send(302, headers | linked | location, b"")

    def _lfs_get(self, sha: str) -> None:
        path = self.server.repos.root / "lfs" / sha
        if not path.exists():
            raise FailedError(404, "no such object")
        self.send_file(path, {"ETag": f'"{sha}"', "Accept-Ranges": "bytes"})

    def _read_commit(self, repo: str, rev: str) -> str:
        return self.server.repos.resolve(repo, rev, stale=self.server.faults.take("stale_left"))


def _file(path: str, entry: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "path": path, "size": entry["size"], "oid": entry["oid"]}
    if entry["lfs"]:
        found["lfs"] = {"oid": entry["lfs"], "size": entry["size"], "pointerSize": 134}
    return found


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}
