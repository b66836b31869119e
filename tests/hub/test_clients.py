"""A pushed package in the real clients of its users.

load_dataset, hf download, pandas and SQL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.hub.push import push
from tests.hub.server import Hub

REPO = "someone/cytoimagenet"
READ = """
import json, sys
from datasets import disable_progress_bars, load_dataset
disable_progress_bars()
found = {}
for config in ("full", "gene", "compound", "metadata"):
    for streaming in (False, True):
        loaded = load_dataset("someone/cytoimagenet", config, streaming=streaming)
        for split, rows in loaded.items():
            label = rows.features["label"]
            name = label.int2str if config != "metadata" else str
            found[f"{config} {split} {streaming}"] = [[row["filename"], name(row["label"])] for row in rows]
json.dump(found, sys.stdout)
"""
DOWNLOAD = """
import sys
from huggingface_hub import snapshot_download
snapshot_download("someone/cytoimagenet", repo_type="dataset", local_dir=sys.argv[1])
"""
TABLE = """
import json, sys
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem
with HfFileSystem().open("datasets/someone/cytoimagenet/metadata.parquet") as file:
    table = pq.ParquetFile(file, pre_buffer=False).read(["category", "label"], use_threads=False)
json.dump(table["category"].to_pylist().count("gene"), sys.stdout)
"""  # in one thread: pyarrow's own, holding a Python file when the interpreter ends, abort it now and then


def run(hub: Hub, tmp_path: Path, code: str, *arguments: str) -> str:
    """Run code in a process that knows only this hub."""
    env = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-c", code, *arguments]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_load_dataset_reads_every_config_from_the_hub(hub: Hub, built: Path, tmp_path: Path) -> None:
    push(str(built), REPO, token="hf_writer", endpoint=hub.url)
    found = json.loads(run(hub, tmp_path, READ))
    index = json.loads((built / "classes.json").read_bytes())
    for config in ("full", "gene", "compound", "metadata"):
        counts = index.get(config, index["full"])["counts"]
        for split, wanted in counts.items():
            downloaded, streamed = (found[f"{config} {split} {streaming}"] for streaming in (False, True))
            assert downloaded == streamed
            labels = [label for _, label in downloaded]
            assert {name: labels.count(name) for name in wanted} == wanted
    assert found["metadata train True"] == found["full train True"]


@pytest.mark.slow
def test_a_download_is_the_package_byte_for_byte_and_tables_open_in_place(
    hub: Hub, built: Path, tmp_path: Path
) -> None:
    push(str(built), REPO, token="hf_writer", endpoint=hub.url)
    run(hub, tmp_path, DOWNLOAD, str(tmp_path / "copy"))
    for path in built.rglob("*"):
        if path.is_file():
            assert (tmp_path / "copy" / path.relative_to(built)).read_bytes() == path.read_bytes()
    assert json.loads(run(hub, tmp_path, TABLE)) == 10
