"""Faults of the machine as a user meets them.

There is one line, no traceback, exit 1, and all is well once they are gone.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from builder.commands.machine import explained
from builder.engine.run import TaskError
from builder.package.data_files import raise_of_machine
from tests.building import LITTLE, files_of
from tests.package.made import make_package

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits and mounts of Linux")]

ROOT = Path(__file__).parents[2]


def run(shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which CYTO is the command."""
    command = f"{shlex.quote(sys.executable)} -m builder"
    return subprocess.run(
        ["bash", "-c", shell.replace("CYTO", command)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    for text in says:
        assert text in last


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    path = tmp_path / "nested.toml"
    path.write_text("seed = " + "[" * 20_000)
    return path


def test_a_recipe_nested_too_deeply(nested: Path, tmp_path: Path) -> None:
    one_line(run(f"CYTO build {tmp_path} -o {tmp_path}/out --recipe {nested}"), "recipe", "nested.toml")


@pytest.mark.parametrize("command", ["build DATA -o /proc/1/out/cytoimagenet", "annotate DATA -o /proc/1/out"])
def test_a_place_that_cannot_be_written_to(command: str, simulated: Path) -> None:
    one_line(run(f"CYTO {command.replace('DATA', str(simulated))}"), "/proc/1")


def test_few_open_files(simulated: Path, tmp_path: Path) -> None:
    done = run(f"ulimit -n 24; CYTO build {simulated} -o {tmp_path}/out --only kag_cell_cycle --workers 2")
    one_line(done)


def test_a_temporary_folder_that_cannot_be_written_to(simulated: Path, tmp_path: Path) -> None:
    done = run(f"CYTO build {simulated} -o {tmp_path}/out --only kag_cell_cycle --workers 2", TMPDIR="/proc/1")
    if "No usable temporary directory" not in done.stderr:  # Python looks for others before it gives up
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("megabytes", [150, 200, 250, 300, 500, 900])
def test_memory_that_is_not_enough_to_load_libraries(megabytes: int, tmp_path: Path) -> None:
    """Too little memory shows as odd failures of libraries.

    OpenBLAS ends the process, or sends it a SIGINT; llvmlite says that its library cannot be found.
    """
    done = run(f"ulimit -v {megabytes << 10}; CYTO build {tmp_path} -o {tmp_path}/out")
    one_line(done, f"{megabytes} MB of memory", "ulimit -v", "1024 MB or more")
    assert len(done.stderr.splitlines()) == 1


def test_little_memory_that_is_enough(tmp_path: Path) -> None:
    make_package(tmp_path / "cytoimagenet")
    done = run(f"ulimit -v {1 << 20}; CYTO verify {tmp_path}/cytoimagenet")
    assert done.returncode == 0, done.stderr


def test_a_build_in_little_memory(little: Path, little_built: Path, tmp_path: Path) -> None:
    """1.5 GB suffice for a build.

    What pyarrow's own allocator reserves would leave too little for numba.
    """
    build = f"CYTO build {little} -o {tmp_path}/cytoimagenet --workers 0 {shlex.join(LITTLE)}"
    done = run(f"ulimit -v {1500 << 10}; {build}")
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "cytoimagenet") == files_of(little_built)


def test_a_mapping_that_fails_in_a_task_is_memory() -> None:
    task = TaskError("task data/organism/train-00000-of-00001")
    task.__cause__ = OSError("Memory mapping file failed: Cannot allocate memory")
    assert str(explained(task)).startswith("memory ran out: ")


def test_a_thread_that_cannot_be_started_is_no_fault_of_a_package() -> None:
    error = pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable")
    with pytest.raises(pa.ArrowException):
        raise_of_machine(error)
    assert str(explained(error)).startswith("no thread can be started: ")
    raise_of_machine(ValueError("offsets lie outside"))


def test_trace_without_the_sources_folder(built: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    idx = pq.read_table(built / "metadata.parquet", columns=["idx"])["idx"][0].as_py()
    one_line(run(f"CYTO trace {built} {idx} --data {tmp_path}"), idx.rpartition("-")[0])


def test_doctor_names_what_is_short(tmp_path: Path) -> None:
    done = run(f"ulimit -n 100; CYTO doctor {tmp_path} --json")
    assert done.returncode == 0, done.stderr
    assert "only 100 files may be open" in done.stdout
