"""Pushes killed at random moments while requests fail.

Every state of the branch is one whole build.

CYTOIMAGENET_KILLS sets how often (default 2; 20 takes about two minutes).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.hub.push import push
from tests.hub.faults import Faults
from tests.hub.server import Hub
from tests.package.made import make_package

REPO = "someone/cytoimagenet"
KILLS = int(os.environ.get("CYTOIMAGENET_KILLS", "2"))
ROOT = Path(__file__).parents[2]
PUSH = """
import sys
from builder.hub.push import push
print("ready", flush=True)
push(sys.argv[1], "someone/cytoimagenet", token="hf_writer", endpoint=sys.argv[2], wait=0.01)
print("done", flush=True)
"""


def start(folder: Path, hub: Hub) -> subprocess.Popen[str]:
    env = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PUSH, str(folder), hub.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def killed_after(folder: Path, hub: Hub, seconds: float) -> bool:
    """Push, then kill -9; was the push done before?"""
    with start(folder, hub) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return "done" in process.stdout.read()


def whole_builds(hub: Hub) -> list[str]:
    """Return the version that each commit holds.

    All of its files are compared.
    """
    versions = []
    commits = hub.repos.load(REPO)["commits"].values()
    for commit in sorted(commits, key=lambda commit: commit["number"])[1:]:
        tree = commit["tree"]
        manifest = json.loads(hub.repos.content(tree["manifest.json"]).read_bytes())
        assert tree.keys() - manifest["files"].keys() == {".gitattributes", "CHANGELOG.md", "manifest.json"}
        for path, facts in manifest["files"].items():
            assert tree[path]["size"] == facts["bytes"]
            assert tree[path]["lfs"] in (None, facts["sha256"])
        versions.append(manifest["version"])
    return versions


@pytest.mark.slow
def test_every_commit_is_a_whole_build_and_little_is_sent_twice(hub: Hub, tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "cytoimagenet", tmp_path / "new" / "cytoimagenet"
    first = make_package(old, shards=2)
    shards = 12 + 2 * KILLS  # a kill loses what two uploads had sent: many shards, little loss
    second = make_package(new, seed=1, side=64, per_class=4 + shards, shards=shards)
    push(str(old), REPO, token="hf_writer", endpoint=hub.url)
    hub.multipart = 30_000
    size = sum(facts["bytes"] for path, facts in second["files"].items() if path.endswith((".arrow", ".parquet")))
    before, requests = hub.received_files, len(hub.log)
    hub.faults = Faults(share=0.1, bytes_per_second=400_000, seed=2)
    moments = random.Random(7)
    done = 0
    for _ in range(KILLS):
        done += killed_after(new, hub, moments.uniform(0.2, 4.0))
        assert set(whole_builds(hub)) <= {first["version"], second["version"]}
    with start(new, hub) as last:
        started = time.monotonic()
        out, err = last.communicate(timeout=200)
    assert "done" in out, err
    assert whole_builds(hub) == [first["version"], second["version"]]
    sent = (hub.received_files - before) / size
    print(
        f"{KILLS} kills ({done} came too late), {size:,} bytes in {len(second['files'])} files: sent {sent:.2f} times, "
        f"{len(hub.log) - requests} requests, the last push {time.monotonic() - started:.1f} s"
    )
    assert sent < 1.3
