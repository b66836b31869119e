"""Runs the command line as a user would.

Reads what it wrote with plain pyarrow.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa
from click.testing import CliRunner
from PIL import Image

from builder.cli import main

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


def in_this_process(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command in this process.

    No interpreter is started and no library loaded, which takes seconds.
    """
    with _said_to_stderr():
        done = CliRunner().invoke(main, [*map(str, arguments)])
    if check and done.exit_code:
        raise AssertionError(f"exit {done.exit_code}\n{done.output}") from done.exception
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess([*map(str, arguments)], done.exit_code, done.stdout, done.stderr)


@contextlib.contextmanager
def _said_to_stderr() -> Iterator[None]:
    """Send the project's log to the current standard error.

    The log's level is left as it was.
    """
    log = logging.getLogger("builder")
    handler, level = _ToStderr(), log.level
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _ToStderr(logging.StreamHandler[TextIO]):
    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


LITTLE = ("--set", "min_images=10", "--set", "class_size=100", "--set", "min_class_size=10", "--set", "part_images=10")
"""The settings with which ``two_phases`` gives two classes, in four parts."""


def two_phases(folder: Path) -> None:
    """Write two classes of 20 images in kag_cell_cycle's layout.

    40 x 40 pixels each.
    """
    rng = np.random.default_rng(0)
    for phase in ("interphase", "mitosis"):
        here = folder / "kag_cell_cycle/nematode cells/nematode cells" / phase
        here.mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 255, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(here / f"IMG_{1600 + number}-{4 if phase == 'mitosis' else 1}.jpg", quality=90)


def files_of(folder: Path) -> dict[str, str]:
    """Return {relative path: sha256} of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_shards(package: Path, pattern: str) -> pa.Table:
    """Return the rows of all matching shards, concatenated."""
    paths = sorted(package.glob(pattern))
    assert paths, f"no shard matches {pattern} in {package}"
    return pa.concat_tables([pa.ipc.open_stream(path.read_bytes()).read_all() for path in paths])
