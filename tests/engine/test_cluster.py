"""Runs on a real Dask cluster.

A scheduler and workers, each a process, over TCP on loopback.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from builder.engine.run import RunSettings, Task, TaskError
from builder.errors import UserError
from tests.building import LITTLE, files_of, in_this_process
from tests.engine import jobs
from tests.engine.clusters import ROOT, Cluster, running_cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster(2) as made:
        yield made


def test_every_item_comes_once(cluster: Cluster) -> None:
    out = jobs.run(jobs.squares, jobs.tens(12), RunSettings(scheduler=cluster.address))
    assert out.values == {n: n * n for n in range(120)}
    assert out.weight == 120


def test_items_that_hang_or_kill_end_as_they_do_in_a_pool_and_no_worker_is_lost(cluster: Cluster) -> None:
    how = {3: "hang", 14: "kill"}
    out = jobs.run(
        functools.partial(jobs.misbehave, how), jobs.tens(2), RunSettings(scheduler=cluster.address, time_limit=0.3)
    )
    assert set(out.values) == set(range(20)) - set(how)
    assert out.faults == {3: ("timed_out", "longer than 0.3 s"), 14: ("out_of_memory", "ended by SIGKILL")}
    assert all(worker.poll() is None for worker in cluster.workers)


def test_an_exception_ends_the_run_with_the_tasks_name(cluster: Cluster) -> None:
    with pytest.raises(TaskError, match="task 1: ZeroDivisionError: a bug"):
        jobs.run(functools.partial(jobs.misbehave, {12: "bug"}), jobs.tens(3), RunSettings(scheduler=cluster.address))
    with pytest.raises(UserError, match=r"^fix this$"):
        jobs.run(
            functools.partial(jobs.misbehave, {12: "refuse"}), jobs.tens(3), RunSettings(scheduler=cluster.address)
        )


def test_a_build_loses_a_worker_and_gains_one(
    cluster: Cluster, little: Path, little_built: Path, tmp_path: Path
) -> None:
    work = tmp_path / "cytoimagenet.work"
    changed = threading.Event()

    def disturb() -> None:
        while not list(work.glob("standardized/*/*.parquet")) and not changed.wait(0.02):
            pass
        cluster.kill_worker()
        cluster.add_worker()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        arguments = ("build", little, "-o", tmp_path / "cytoimagenet", *LITTLE, "--set", "part_images=2")
        in_this_process(*arguments, "--scheduler", cluster.address)
    finally:
        changed.set()
        disturber.join()
    assert bytes_of(tmp_path / "cytoimagenet") == bytes_of(little_built)


def bytes_of(package: Path) -> dict[str, str]:
    """Return the hashes of a package's shards and tables.

    The other files state the recipe.
    """
    return {name: value for name, value in files_of(package).items() if name.endswith((".arrow", ".parquet"))}


def test_a_worker_with_other_code_is_refused_by_name(tmp_path: Path) -> None:
    for package in ("builder", "cytoimagenet_reader", "tests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    encoder = tmp_path / "cytoimagenet_reader/png/encoder.py"
    encoder.write_text(encoder.read_text("utf-8") + "\nTURNED = True\n", "utf-8")
    with running_cluster(0) as made:  # of its own: the others would have to wait until this worker is gone
        made.add_worker(tmp_path)
        made.wait_for_workers()
        with pytest.raises(UserError, match=r"Dask worker \S+ \(tcp:\S+\) has cytoimagenet's code \w+ in place of \w+"):
            jobs.run(jobs.squares, jobs.tens(1), RunSettings(scheduler=made.address))


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, **more: real(address, **{**more, "timeout": 1}))
    with pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9: "):
        jobs.run(jobs.squares, jobs.tens(1), RunSettings(scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(UserError, match="no Dask scheduler answers at nonsense://x: "):
        jobs.run(jobs.squares, jobs.tens(1), RunSettings(scheduler="nonsense://x"))


def test_children_end_with_the_run(cluster: Cluster, tmp_path: Path) -> None:
    seen: list[int] = []
    from builder.engine.progress import Progress
    from builder.engine.run import run_tasks

    with Progress("test") as progress:
        run_tasks(
            jobs.pids,
            [Task(str(n), (n,)) for n in range(4)],
            settings=RunSettings(scheduler=cluster.address),
            progress=progress,
            on_result=lambda _, pid: seen.append(pid),
        )
    began = time.monotonic()
    while any(_is_running(pid) for pid in set(seen)):
        assert time.monotonic() - began < 10
        time.sleep(0.05)


def test_a_scheduler_that_dies_is_one_line(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last test of this cluster."""
    import distributed

    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, **more: real(address, **{**more, "timeout": 2}))
    killer = threading.Timer(1.0, cluster.scheduler.kill)
    killer.start()
    with pytest.raises(UserError, match=r"scheduler (at tcp\S+ is gone|answers at)"):
        jobs.run(functools.partial(jobs.slowly, 0.2), jobs.tens(30), RunSettings(scheduler=cluster.address))
    killer.join()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    return True
