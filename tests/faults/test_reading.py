"""A file system that fails while a build reads.

Nothing is remembered of it, and nothing is lost.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.building import LITTLE, files_of, in_this_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"),
]

ROOT = Path(__file__).parents[2]


class Broken:
    """A process for which opening some files fails.

    With the error that is set, and in the processes that it starts, too.
    """

    def __init__(self, folder: Path, paths: str) -> None:
        library = folder / "broken_open.so"
        source = Path(__file__).with_name("broken_open.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self._marks = folder / "broken"
        self._marks.mkdir()
        environment = {"LD_PRELOAD": str(library), "BROKEN": str(self._marks), "BROKEN_PATHS": paths}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.told"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "CYTOIMAGENET_PATIENCE": "0.5", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def set(self, code: int) -> None:
        """Have opening fail with this error; 0 lets it succeed."""
        for mark in self._marks.iterdir():
            mark.unlink()
        if code:
            (self._marks / str(code)).touch()

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([*map(str, arguments)]) + "\n")
        self._process.stdin.flush()
        return subprocess.CompletedProcess(arguments, *json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    made = Broken(tmp_path_factory.mktemp("broken"), "mitosis/IMG_160")  # ten files
    yield made
    made.close()


@pytest.fixture
def broken(process: Broken) -> Iterator[Broken]:
    yield process
    process.set(0)


def command(data: Path, out: Path, *options: str) -> list[str | Path]:
    return ["build", data, "-o", out / "cytoimagenet", *LITTLE, *options]


@pytest.fixture(scope="module")
def undisturbed(little_built: Path) -> dict[str, str]:
    return files_of(little_built)


@pytest.mark.parametrize(
    ("code", "workers"), [(errno.ENOENT, "0"), (errno.EACCES, "0"), (errno.EIO, "0"), (errno.EIO, "1")]
)
def test_a_fault_ends_the_build_in_one_line_and_leaves_no_trace(
    little: Path, tmp_path: Path, broken: Broken, undisturbed: dict[str, str], code: int, workers: str
) -> None:
    broken.set(code)
    done = broken.run(*command(little, tmp_path, "--workers", workers))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"cannot be read ({OSError(code, '').__class__.__name__}: {os.strerror(code)})" in done.stderr
    assert "--skip-unreadable" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "cytoimagenet/manifest.json").exists()
    broken.set(0)
    in_this_process(*command(little, tmp_path, "--workers", "0"))
    assert files_of(tmp_path / "cytoimagenet") == undisturbed


def test_skipped_images_are_counted_tried_again_and_never_taken_for_refused(
    little: Path, tmp_path: Path, broken: Broken, undisturbed: dict[str, str]
) -> None:
    broken.set(errno.EIO)
    for _ in range(2):  # the second time nothing has changed, and it is no success either
        done = broken.run(*command(little, tmp_path, "--skip-unreadable", "--json", "--workers", "0"))
        assert done.returncode == 3, done.stderr
        rejects = json.loads(done.stdout)["rejects"]
        assert rejects["not_tried"] == {"not_tried": 10}
        assert rejects["unreadable"] == {}
    broken.set(0)
    done = in_this_process(*command(little, tmp_path, "--json", "--workers", "0"))
    assert json.loads(done.stdout)["rejects"]["not_tried"] == {}
    assert files_of(tmp_path / "cytoimagenet") == undisturbed


def test_a_file_that_cannot_be_decoded_is_refused_and_tried_again_on_request(little: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(little, copy)
    victim = sorted(copy.rglob("*.jpg"))[3]
    whole, times = victim.read_bytes(), victim.stat()
    victim.write_bytes(whole[:4] + bytes(len(whole) - 4))  # of the same size and time: no build sees it change
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    build = command(copy, tmp_path, "--json", "--workers", "0")
    assert json.loads(in_this_process(*build).stdout)["rejects"]["unreadable"] == {"unreadable": 1}
    victim.write_bytes(whole)
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = in_this_process(*build)
    assert json.loads(done.stdout)["rejects"]["unreadable"] == {"unreadable": 1}, "a fact about bytes is remembered"
    status = in_this_process("status", tmp_path / "cytoimagenet.work")
    assert "refused so far, unreadable: 1, since 20" in status.stdout
    done = in_this_process(*build, "--retry-rejects", "unreadable")
    assert json.loads(done.stdout)["rejects"]["unreadable"] == {}
