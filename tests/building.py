"""Runs the command line as a user would, and reads what it wrote with plain pyarrow."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

SMALL = ("--set", "min_images=20", "--set", "class_size=100", "--set", "min_class_size=30", "--set", "part_images=50")
"""The settings with which the demo's sources give a dozen classes."""


def cytoimagenet(
    *arguments: str | Path, cwd: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "builder", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def files_of(folder: Path) -> dict[str, str]:
    """Return {relative path: sha256} of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_shards(package: Path, pattern: str) -> pa.Table:
    """Return the rows of the shards that match, one below the other."""
    paths = sorted(package.glob(pattern))
    assert paths, f"no shard matches {pattern} in {package}"
    return pa.concat_tables([pa.ipc.open_stream(path.read_bytes()).read_all() for path in paths])
