"""A small hub on loopback for the real, unmodified clients.

It has the part of the hub's HTTP API that they use.

Each endpoint is written from the client that calls it: ``huggingface_hub`` (``hf_api.py``, ``_commit_api.py``,
``lfs.py``, ``file_download.py``, ``hf_file_system.py``) 0.30 to 2.4 and ``datasets`` 3.6 to 5.2, with
HF_ENDPOINT set to its address and HF_HUB_DISABLE_XET=1. Run it alone with ``python -m tests.hub.server FOLDER``.
"""

from __future__ import annotations

import argparse
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
from tests.hub.reading import Reading
from tests.hub.repos import ConflictError, Repos
from tests.hub.wire import FailedError
from tests.hub.writing import Writing

TOKENS = {"hf_writer": ("someone", "write"), "hf_reader": ("someone", "read"), "hf_other": ("other", "write")}
"""Token -> user and role; a user may write below their own name only."""

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
    """The server, whose address is ``url``.

    Counters tell what was transferred.

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
        """Ignore clients that were killed; log any other error.

        It is a fault of the server.
        """
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            self.log.append(f"ERROR {error!r}")


class Handler(Reading, Writing):
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

    # -- account and repository

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


def main() -> None:
    """Serve a folder until interrupted.

    The address is the first line of output.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    hub = Hub(given.folder, port=given.port)
    print(hub.url, flush=True)
    hub.serve_forever()


if __name__ == "__main__":
    main()
