"""Builds that are killed, starved of disk or spread over a cluster must end with the bytes of an undisturbed one.

``CYTOIMAGENET_KILLS`` is how often the build is killed (default 4; 30 is the full test).
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.engine import localfiles
from builder.engine.log import read_log
from tests.building import SMALL, cytoimagenet, files_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("CYTOIMAGENET_KILLS", "4"))


@pytest.fixture(scope="module")
def undisturbed(built: Path) -> tuple[dict[str, str], float]:
    """The files of an undisturbed build, and the seconds it took."""
    times = [event["time"] for event in read_log(Path(f"{built}.work", "run.jsonl"))]
    return files_of(built), times[-1] - times[0]


def start(data: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    """Start a build as the leader of a session of its own, so that all its processes can be killed at once."""
    command = [sys.executable, "-m", "builder", "build", str(data), "-o", str(out), *SMALL]
    return subprocess.Popen(
        [*command, "--workers", str(workers)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def assert_whole(folder: Path) -> None:
    """Assert that every table that has its final name can be read to its end."""
    for path in folder.rglob("*"):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix == ".parquet":
            pq.read_table(path)
        elif path.suffix == ".arrow":
            with pa.memory_map(str(path)) as file:
                opened = pa.ipc.open_file if "standardized" in path.parts else pa.ipc.open_stream
                opened(file).read_all()


def test_killed_at_random_moments(data: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path) -> None:
    wanted, seconds = undisturbed
    out = tmp_path / "cytoimagenet"
    draw = random.Random(11)
    for kill in range(KILLS):
        if kill % 6 == 5:  # from the start again: later builds have little left to be killed in
            shutil.rmtree(f"{out}.work")
            shutil.rmtree(out, ignore_errors=True)
        process = start(data, out, workers=draw.choice([0, 1, 2, 3]))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0.3, 1.0) * seconds + 1)
        if draw.random() < 0.5:
            process.kill()  # the parent alone: its workers must end by themselves
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert_whole(tmp_path)
    cytoimagenet("build", data, "-o", out, *SMALL, "--workers", "1")
    assert files_of(out) == wanted
    assert [path for path in tmp_path.rglob(".tmp-*") if path.is_file()] == []


def workers_of(pid: int) -> list[int]:
    """Return the processes that a build has started for its tasks."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers in /proc")
def test_workers_that_are_killed_as_by_the_kernel_cost_nothing(
    data: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    out = tmp_path / "cytoimagenet"
    process = start(data, out, workers=2)
    killed = 0
    try:
        while process.poll() is None and killed < 3:
            time.sleep(0.3)
            if len(list(Path(f"{out}.work").glob("standardized/*/*.parquet"))) > killed:
                for worker in workers_of(process.pid)[:1]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(worker, signal.SIGKILL)
                        killed += 1
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
    assert killed == 3, "the build had ended before: the test proves nothing"
    events = [event["event"] for event in read_log(Path(f"{out}.work", "run.jsonl"))]
    assert "poisoned" not in events
    assert files_of(out) == undisturbed[0]


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
    halves = 0
    for _ in range(5):
        process = subprocess.Popen(command, env=env, start_new_session=True, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        while not list(out.rglob("*.bin")) and time.monotonic() - began < 20:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 1.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        halves += len(list(out.rglob(".tmp-*")))
        assert all(path.stat().st_size == 200_000 for path in out.rglob("*.bin"))
    assert halves, "no moment was within a write: the test proves nothing"
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
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(data: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path, small_disk: Path) -> None:
    work, out = small_disk / "work", tmp_path / "cytoimagenet"
    arguments = ("build", data, "-o", out, "--work", work, *SMALL, "--workers", "2")
    done = cytoimagenet(*arguments, check=False)
    assert done.returncode == 1
    assert "space" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert_whole(tmp_path)
    assert not list(out.glob("data/**/*.arrow")) or not (out / "manifest.json").exists()
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    cytoimagenet(*arguments)
    assert files_of(out) == undisturbed[0]


def test_a_full_disk_under_the_package(data: Path, built: Path, tmp_path: Path, small_disk: Path) -> None:
    shutil.copytree(f"{built}.work", tmp_path / "work")
    out = small_disk / "cytoimagenet"
    arguments = ("build", data, "-o", out, "--work", tmp_path / "work", *SMALL, "--workers", "2")
    done = cytoimagenet(*arguments, check=False)
    assert done.returncode == 1
    assert "space" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (out / "manifest.json").exists()
    assert_whole(small_disk)
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    cytoimagenet(*arguments)
    assert files_of(out) == files_of(built)


def test_a_disk_that_is_far_too_small_is_refused_before_the_work(data: Path, tmp_path: Path, small_disk: Path) -> None:
    with (small_disk / "filler").open("wb") as file:
        file.write(bytes(1_500_000))
    done = cytoimagenet("build", data, "-o", tmp_path / "p", "--work", small_disk / "work", *SMALL, check=False)
    assert done.returncode == 1
    assert "make room" in done.stderr.splitlines()[-1]
    assert not list((small_disk / "work").glob("standardized/**/*.arrow"))


@pytest.fixture
def cluster() -> Iterator[str]:
    """A Dask scheduler with three worker processes, over TCP on loopback."""
    pytest.importorskip("distributed")
    from tests.engine.clusters import running_cluster

    with running_cluster(3) as made:
        yield made


def test_on_a_cluster_that_loses_a_worker_and_gains_one(
    data: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path, cluster: object
) -> None:
    from tests.engine.clusters import Cluster

    assert isinstance(cluster, Cluster)
    out = tmp_path / "cytoimagenet"
    command = [sys.executable, "-m", "builder", "build", str(data), "-o", str(out), *SMALL]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, "--scheduler", cluster.address], cwd=ROOT, env=env, stderr=subprocess.PIPE)
    try:
        began = time.monotonic()
        while not list(Path(f"{out}.work").glob("standardized/*/*.parquet")):
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() - began < 60
            time.sleep(0.05)
        cluster.kill_worker()
        cluster.add_worker()
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said.decode()
    assert files_of(out) == undisturbed[0]
