"""Builds that are killed or run out of disk.

They must end with the bytes of an undisturbed build.

``CYTOIMAGENET_KILLS`` is how often the build is killed: by default 3 times, a small one; where it is set (30 is the
full test), one of all of the demo's sources.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.engine import localfiles
from builder.engine.log import read_log
from tests.building import LITTLE, SMALL, files_of, in_this_process

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

ROOT = Path(__file__).resolve().parents[2]
KILLS = os.environ.get("CYTOIMAGENET_KILLS")


@pytest.fixture(scope="module")
def undisturbed(built: Path) -> dict[str, str]:
    """The files of an undisturbed build of the demo's sources."""
    return files_of(built)


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start a command as the leader of its own session.

    So all its processes can be killed at once.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "builder", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def assert_whole(folder: Path) -> None:
    """Assert that every finished table can be read whole.

    Finished means that it has its final name.
    """
    for path in folder.rglob("*"):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix == ".parquet":
            pq.read_table(path)
        elif path.suffix == ".arrow":
            with pa.memory_map(str(path)) as file:
                opened = pa.ipc.open_file if "standardized" in path.parts else pa.ipc.open_stream
                opened(file).read_all()


def published(folder: Path) -> int:
    """Return how many files have their final name."""
    return sum(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))


def test_killed_at_random_moments(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Kills come after a random number of further files.

    The number is a random share of the files still missing, so it is the same on every machine.
    """
    names, settings = (("simulated", "built"), SMALL) if KILLS else (("little", "little_built"), LITTLE)
    data, whole = map(request.getfixturevalue, names)
    out = tmp_path / "out" / "cytoimagenet"
    draw = random.Random(11)
    for kill in range(int(KILLS or 3)):
        if kill % 6 == 5:  # from the start again: later builds have little left to be killed in
            shutil.rmtree(out.parent)
        there = published(out.parent)
        awaited = there + draw.random() * max(0, published(whole.parent) - there)
        process = start("build", data, "-o", out, *settings, "--workers", [2, 0, 1, 3][kill % 4])
        while process.poll() is None and published(out.parent) < awaited:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        if draw.random() < 0.5:
            process.kill()  # the parent alone: its workers must end by themselves
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert_whole(tmp_path)
    in_this_process("build", data, "-o", out, *settings, "--workers", "0")
    assert files_of(out) == files_of(whole)
    assert [path for path in tmp_path.rglob(".tmp-*") if path.is_file()] == []


def workers_of(pid: int) -> list[int]:
    """Return the processes a build has started for its tasks."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers in /proc")
def test_workers_that_are_killed_as_by_the_kernel_cost_nothing(
    data: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "cytoimagenet"
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while len(killed) < 2 and not done.wait(0.02):
            if len(list(Path(f"{out}.work").glob("standardized/*/*.parquet"))) > len(killed):
                for worker in set(workers_of(os.getpid())) - set(killed):
                    os.kill(worker, signal.SIGKILL)  # still there, if only as a zombie: its parent is this process
                    killed.append(worker)
                    break

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        in_this_process("build", data, "-o", out, *SMALL, "--workers", "2")
    finally:
        done.set()
        killer.join()
    assert len(killed) == 2, "the build had ended before: the test proves nothing"
    events = [event["event"] for event in read_log(Path(f"{out}.work", "run.jsonl"))]
    assert "poisoned" not in events
    assert files_of(out) == undisturbed


def test_killed_while_files_are_written(tmp_path: Path) -> None:
    script = tmp_path / "write.py"
    script.write_text(
        "import functools, sys\n"
        "from builder.engine.run import RunSettings, Task\n"
        "from tests.engine import jobs\n"
        "if __name__ == '__main__':\n"
        "    tasks = [Task(str(n), (3 * n, 3 * n + 1, 3 * n + 2)) for n in range(10)]\n"
        "    jobs.run(functools.partial(jobs.write_numbers, sys.argv[1], 0.08), tasks, RunSettings(workers=2))\n"
    )
    out = tmp_path / "out"
    command = [sys.executable, str(script), str(out)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    draw = random.Random(2)
    for pause in (0.05, 0.02, 0.0, 0.05, 0.02, *[0.0] * 20):
        if not pause and list(out.rglob(".tmp-*")):
            continue
        process = subprocess.Popen(command, env=env, start_new_session=True, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        time.sleep(draw.uniform(0, 1.0))
        halves = {*out.rglob(".tmp-*")}
        while {*out.rglob(".tmp-*")} <= halves and process.poll() is None and time.monotonic() - began < 60:
            time.sleep(0.001)  # until a file that is new is being written
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert all(path.stat().st_size == 200_000 for path in out.rglob("*.bin"))
    assert list(out.rglob(".tmp-*")), "no moment was within a write: the test proves nothing"
    began = time.monotonic()
    while not all(map(localfiles._is_abandoned, out.rglob(".tmp-*"))) and time.monotonic() - began < 20:
        time.sleep(0.05)  # a killed process may take a moment to end
    subprocess.run(command, env=env, check=True, capture_output=True)
    assert sorted(int(path.stem) for path in out.rglob("*.bin")) == list(range(30))
    assert [path for path in out.rglob("*") if path.is_file() and path.suffix != ".bin"] == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let its root mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # mapped files of this process may be open there


def test_a_full_disk(data: Path, undisturbed: dict[str, str], tmp_path: Path, small_disk: Path) -> None:
    work, out = small_disk / "work", tmp_path / "cytoimagenet"
    arguments = ("build", data, "-o", out, "--work", work, *SMALL)
    done = in_this_process(*arguments, "--workers", "1", check=False)
    assert done.returncode == 1
    assert "space" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert_whole(tmp_path)
    assert not list(out.glob("data/**/*.arrow")) or not (out / "manifest.json").exists()
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    in_this_process(*arguments, "--workers", "0")
    assert files_of(out) == undisturbed


def test_a_full_disk_under_the_package(data: Path, built: Path, tmp_path: Path, small_disk: Path) -> None:
    shutil.copytree(f"{built}.work", tmp_path / "work")
    out = small_disk / "cytoimagenet"
    arguments = ("build", data, "-o", out, "--work", tmp_path / "work", *SMALL, "--workers", "0")
    done = in_this_process(*arguments, check=False)
    assert done.returncode == 1
    assert "space" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (out / "manifest.json").exists()
    assert_whole(small_disk)
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    in_this_process(*arguments)
    assert files_of(out) == files_of(built)


def test_a_disk_that_is_far_too_small_is_refused_before_the_work(data: Path, tmp_path: Path, small_disk: Path) -> None:
    with (small_disk / "filler").open("wb") as file:
        file.write(bytes(1_500_000))
    arguments = ("build", data, "-o", tmp_path / "p", "--work", small_disk / "work", *SMALL, "--workers", "0")
    done = in_this_process(*arguments, check=False)
    assert done.returncode == 1
    assert "free some space" in done.stderr.splitlines()[-1]
    assert not list((small_disk / "work").glob("standardized/**/*.arrow"))
