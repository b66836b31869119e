"""A small hub on loopback for the real, unmodified clients: the part of its HTTP API that they use.

Each endpoint is written from the client that calls it: ``huggingface_hub`` (``hf_api.py``, ``_commit_api.py``,
``lfs.py``, ``file_download.py``, ``hf_file_system.py``) 0.30 to 2.4 and ``datasets`` 3.6 to 5.2, with
HF_ENDPOINT set to its address and HF_HUB_DISABLE_XET=1. Run it alone with ``python -m tests.hub.server FOLDER``.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import threading
import urllib.parse
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.hub.faults import Faults
from tests.hub.repos import ConflictError, NotFoundError, Repos
from tests.hub.wire import FailedError, Wire

TOKENS = {"hf_writer": ("someone", "write"), "hf_reader": ("someone", "read"), "hf_other": ("other", "write")}
"""Token -> user and role; a user may write below their own name only."""

_LFS_ENDINGS = (".arrow", ".parquet", ".png")
_REPO = r"(?P<repo>[^/]+/[^/]+)"
_REV = r"(?P<rev>[^/]+)"

Route = tuple[str, re.Pattern[str], str]
ROUTES: list[Route] = [
    (method, re.compile(pattern + "$"), name)
    for method, pattern, name in [
        ("GET", "/api/whoami-v2", "whoami"),
        ("POST", "/api/repos/create", "create"),
        ("POST", "/api/validate-yaml", "validate"),
        ("POST", "/api/control", "control"),
        ("GET", "/api/control", "control"),
        ("GET", f"/api/datasets/{_REPO}/refs", "refs"),
        ("GET", f"/api/datasets/{_REPO}/revision/{_REV}", "info"),
        ("GET", f"/api/datasets/{_REPO}/tree/{_REV}(?:/(?P<path>.+))?", "tree"),
        ("GET", f"/api/datasets/{_REPO}/commits/{_REV}", "commits"),
        ("POST", f"/api/datasets/{_REPO}/paths-info/{_REV}", "paths_info"),
        ("POST", f"/api/datasets/{_REPO}/preupload/{_REV}", "preupload"),
        ("POST", f"/api/datasets/{_REPO}/commit/{_REV}", "commit"),
        ("POST", f"/api/datasets/{_REPO}/tag/{_REV}", "tag"),
        ("POST", f"/api/datasets/{_REPO}/branch/{_REV}", "branch"),
        ("GET", f"/api/datasets/{_REPO}", "info"),
        ("POST", f"/datasets/{_REPO}\\.git/info/lfs/objects/batch", "lfs_batch"),
        ("PUT", "/lfs/(?P<sha>[0-9a-f]{64})", "lfs_put"),
        ("PUT", "/lfs/(?P<sha>[0-9a-f]{64})/(?P<part>\\d+)", "lfs_put"),
        ("POST", "/lfs/(?P<sha>[0-9a-f]{64})/complete", "lfs_complete"),
        ("POST", "/lfs/(?P<sha>[0-9a-f]{64})/verify", "lfs_verify"),
        ("GET", "/lfs/(?P<sha>[0-9a-f]{64})", "lfs_get"),
        ("GET", f"/datasets/{_REPO}/resolve/{_REV}/(?P<path>.+)", "resolve"),
    ]
]


class Hub(ThreadingHTTPServer):
    """The server; ``url`` is its address. Counters tell what went over the wire.

    Parameters
    ----------
    multipart : bytes above which an LFS file is uploaded in parts of this size
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, faults: Faults | None = None, multipart: int = 1 << 20, port: int = 0) -> None:
        self.repos = Repos(folder)
        self.faults = faults or Faults()
        self.multipart = multipart
        self.page = 20  # entries a page of a tree: small, so that clients must follow pages
        self.received = 0  # bytes of bodies, those of failed requests too
        self.received_files = 0  # those of LFS content
        self.log: list[str] = []  # method, path and status of each answer
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files_url = f"http://localhost:{self.server_port}"  # another host, as the hub's file store is

    def __enter__(self) -> Hub:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed; anything else is a fault of the server and is kept in the log."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            self.log.append(f"ERROR {error!r}")


class Handler(Wire):
    """One request."""

    server: Hub

    def route(self, method: str, path: str) -> None:
        for wanted, pattern, name in ROUTES:
            match = pattern.match(path)
            if wanted == method and match:
                given = {k: urllib.parse.unquote(v) for k, v in match.groupdict().items() if v is not None}
                action: Callable[..., None] = getattr(self, f"_{name}")
                if "repo" in given:
                    self._check_access(given["repo"])
                action(**given)
                return
        raise FailedError(404, f"no such endpoint: {method} {path}")

    # -- who is asking

    def _user(self) -> tuple[str, str] | None:
        header = self.headers.get("Authorization", "")
        if not header:
            return None
        if header.removeprefix("Bearer ") not in TOKENS:
            raise FailedError(401, "Invalid credentials in Authorization header")
        return TOKENS[header.removeprefix("Bearer ")]

    def _check_access(self, repo_id: str) -> None:
        user = self._user()
        private = self.server.repos.load(repo_id)["private"]
        if private and (user is None or user[0] != repo_id.split("/")[0]):
            raise FailedError(401, "Repository not found", "RepoNotFound")

    def _check_writer(self, owner: str) -> None:
        user = self._user()
        if user is None:
            raise FailedError(401, "Invalid username or password.")
        if user != (owner, "write"):
            raise FailedError(403, f'You don\'t have the rights to create or change a dataset under "{owner}"')

    # -- endpoints: account and repository

    def _whoami(self) -> None:
        user = self._user()
        if user is None:
            raise FailedError(401, "Invalid credentials in Authorization header")
        name, role = user
        access = {"accessToken": {"displayName": "test", "role": role}}
        self.json({"type": "user", "name": name, "orgs": [], "auth": {"type": "access_token", **access}})

    def _create(self) -> None:
        wanted = json.loads(self.whole_body())
        user = self._user()
        owner = wanted.get("organization") or (user[0] if user else "")
        self._check_writer(owner)
        private = wanted.get("private", False) or wanted.get("visibility") == "private"
        url = {"url": f"{self.server.url}/datasets/{owner}/{wanted['name']}"}
        try:
            self.server.repos.create(f"{owner}/{wanted['name']}", private)
        except ConflictError as error:
            self.json({"error": str(error), **url}, 409, {"X-Error-Message": str(error)})
            return
        self.json(url)

    def _validate(self) -> None:
        import yaml

        content = json.loads(self.whole_body())["content"]
        front = re.match(r"\A---\n(.*?)\n---", content, re.DOTALL)
        loaded = yaml.safe_load(front[1]) if front else None
        if not isinstance(loaded, dict):
            self.json({"errors": [{"message": "no YAML block"}], "warnings": []}, 400)
        else:
            self.json({"errors": [], "warnings": []})

    def _control(self) -> None:
        """Set faults and read counters from another process."""
        if self.command == "POST":
            self.server.faults = Faults(**json.loads(self.whole_body()))
        self.json(
            {
                "received": self.server.received,
                "received_files": self.server.received_files,
                "requests": len(self.server.log),
            }
        )

    def _info(self, repo: str, rev: str = "main") -> None:
        commit = self._read_commit(repo, rev)
        tree = self.server.repos.tree(repo, commit)
        state = self.server.repos.load(repo)
        stamp = "2021-11-23T00:00:00.000Z"
        self.json(
            {
                "_id": hashlib.md5(repo.encode(), usedforsecurity=False).hexdigest()[:24],
                "id": repo,
                "author": repo.split("/")[0],
                "sha": commit,
                "lastModified": stamp,
                "createdAt": stamp,
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
            stamp = "2021-11-23T00:00:00.000Z"
            found.append({"id": here, "title": commits[here]["title"], "message": "", "date": stamp, "authors": []})
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

    # -- endpoints: writing

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

    # -- endpoints: reading files

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


def main() -> None:
    """Serve a folder until interrupted; the address is the first line of output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    hub = Hub(given.folder, port=given.port)
    print(hub.url, flush=True)
    hub.serve_forever()


if __name__ == "__main__":
    main()
