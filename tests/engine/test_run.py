from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.engine import run
from builder.engine.log import RunLog
from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Task, TaskError, run_tasks
from builder.errors import UserError
from tests.engine import jobs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_item_comes_once_whatever_the_workers(workers: int) -> None:
    out = jobs.run(jobs.squares, jobs.tens(7), RunSettings(workers=workers))
    assert out.values == {n: n * n for n in range(70)}
    assert not out.crashed
    assert not out.faults
    assert out.weight == 70


def test_items_that_hang_or_kill_are_given_up_and_no_other() -> None:
    how = {3: "hang", 14: "abort", 15: "kill"}
    out = jobs.run(functools.partial(jobs.misbehave, how), jobs.tens(3), RunSettings(workers=2, time_limit=0.3))
    assert out.values == {n: n * n for n in range(30) if n not in how}
    assert out.crashed == {14: "ended by SIGABRT"}
    assert out.faults == {3: ("timed_out", "longer than 0.3 s"), 15: ("out_of_memory", "ended by SIGKILL")}
    assert out.weight == 30


def test_faulty_files_are_found_where_the_worker_cannot_tell() -> None:
    how = {1: "exit", 2: "exit"}
    task = Task("four", (0, 1, 2, 3), 4)
    out = jobs.run(functools.partial(jobs.misbehave_ahead, how), [task], RunSettings(workers=2))
    assert out.crashed == dict.fromkeys(how, "exit code 3")
    assert out.values == {0: 0, 3: 9}
    assert out.weight == 4


def test_a_hang_is_found_where_the_worker_cannot_tell() -> None:
    tasks = [Task("first", (0,)), Task("second", (1,))]
    out = jobs.run(functools.partial(jobs.misbehave_ahead, {0: "hang"}), tasks, RunSettings(workers=1, time_limit=0.1))
    assert out.faults == {0: ("timed_out", "longer than 0.1 s")}
    assert out.values == {1: 1}


def test_a_failure_that_passes_costs_nothing(tmp_path: Path) -> None:
    out = jobs.run(functools.partial(jobs.fail_first, str(tmp_path)), jobs.tens(3), RunSettings(workers=2))
    assert set(out.values) == set(range(30))
    assert not out.crashed
    assert not out.faults
    assert out.calls == 9, "before, at and after the item that it was at"


def test_what_was_killed_runs_again_while_nothing_else_does(tmp_path: Path) -> None:
    tasks = [Task(str(n), (n,)) for n in range(9)]
    out = jobs.run(functools.partial(jobs.note_alone, str(tmp_path)), tasks, RunSettings(workers=3))
    assert set(out.values) == set(range(9))
    assert not out.crashed
    assert not out.faults


def test_memory_that_runs_out_is_a_fault_of_the_run() -> None:
    out = jobs.run(functools.partial(jobs.misbehave, {5: "allocate"}), jobs.tens(1), RunSettings(workers=1))
    assert set(out.faults) == {5}
    assert out.faults[5][0] == "out_of_memory"
    assert not out.crashed
    assert set(out.values) == set(range(10)) - {5}


def test_a_crash_where_memory_was_short_is_a_fault_of_the_run() -> None:
    settings = RunSettings(workers=1, enough_memory=1 << 60)
    out = jobs.run(functools.partial(jobs.misbehave, {5: "abort"}), jobs.tens(1), settings)
    assert not out.crashed
    assert out.faults[5][0] == "crashed"
    assert "ended by SIGABRT, with " in out.faults[5][1]


@pytest.mark.parametrize("what", ["hang", "kill", "abort"])
def test_a_fault_ends_the_run_after_all_else_where_nothing_is_said_of_it(what: str) -> None:
    done: list[int] = []
    with (
        Progress("test") as progress,
        pytest.raises(UserError, match=r"^5: .*while nothing else ran.*run the same command again"),
    ):
        run_tasks(
            functools.partial(jobs.misbehave, {5: what}),
            jobs.tens(3),
            settings=RunSettings(workers=2, time_limit=0.3),
            progress=progress,
            on_result=lambda task, _: done.extend(task.items),
        )
    assert set(done) == set(range(30)) - {5}


@pytest.mark.parametrize("workers", [0, 1])
def test_an_exception_ends_the_run_with_the_tasks_name(workers: int) -> None:
    with pytest.raises(TaskError, match="task 1: ZeroDivisionError: a bug") as caught:
        jobs.run(functools.partial(jobs.misbehave, {12: "bug"}), jobs.tens(3), RunSettings(workers=workers))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_user_error_comes_through_as_it_is() -> None:
    with pytest.raises(UserError, match=r"^fix this$"):
        jobs.run(functools.partial(jobs.misbehave, {12: "refuse"}), jobs.tens(3), RunSettings(workers=1))


def test_where_item_after_item_crashes_it_is_not_the_items_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_MOST_CRASHED", 1)
    how = dict.fromkeys(range(3, 100), "exit")
    with pytest.raises(UserError, match="2 items crashed and 3 did not"):
        jobs.run(functools.partial(jobs.misbehave, how), [Task(str(n), (n,)) for n in range(8)], RunSettings(workers=2))


def test_only_a_few_tasks_are_taken_ahead() -> None:
    taken = finished = most = 0

    def tasks() -> Iterator[Task]:
        nonlocal taken, most
        for n in range(300):
            taken += 1
            most = max(most, taken - finished)
            yield Task(str(n), (n,))

    def on_result(task: Task, value: object) -> None:
        nonlocal finished
        finished += 1

    with Progress("test") as progress:
        run_tasks(
            jobs.squares,
            tasks(),
            settings=RunSettings(workers=2),
            progress=progress,
            on_result=on_result,
        )
    assert finished == 300
    assert most <= 2 * 3 + 1


def test_workers_are_replaced_after_their_tasks() -> None:
    seen: list[int] = []
    with Progress("test") as progress:
        run_tasks(
            jobs.pids,
            [Task(str(n), (n,)) for n in range(9)],
            settings=RunSettings(workers=1, tasks_per_worker=3),
            progress=progress,
            on_result=lambda _, pid: seen.append(pid),
        )
    assert [seen.count(pid) for pid in dict.fromkeys(seen)] == [3, 3, 3]
    assert os.getpid() not in seen


def test_libraries_keep_to_one_thread_and_the_parents_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = dict(os.environ)
    seen: list[dict[str, str]] = []
    with Progress("test") as progress:
        run_tasks(
            jobs.threads,
            [Task("one", ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"))],
            settings=RunSettings(workers=1),
            progress=progress,
            on_result=lambda _, found: seen.append(found),
        )
    assert seen == [{"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "3"}]
    assert dict(os.environ) == before


def test_the_run_log_has_a_line_for_every_end(tmp_path: Path) -> None:
    import json

    with RunLog(tmp_path / "run.jsonl") as run_log, Progress("squares") as progress:
        run_tasks(
            functools.partial(jobs.misbehave, {1: "exit"}),
            [Task("a", (0, 1), 2), Task("b", (2,), 1)],
            settings=RunSettings(workers=1),
            progress=progress,
            on_result=lambda *_: None,
            on_crash=lambda *_: None,
            run_log=run_log,
        )
    events = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["begin", "end"]
    assert sum(e["weight"] for e in events if e["event"] in ("done", "poisoned")) == 3
    assert [(e["task"], e["reason"]) for e in events if e["event"] == "poisoned"] == [("a", "crashed")]


_INTERRUPTED = """
import functools, sys
from builder.engine.run import RunSettings, Task
from tests.engine import jobs

if __name__ == "__main__":
    tasks = [Task(str(n), tuple(range(10 * n, 10 * n + 10))) for n in range(100)]
    print("ready", flush=True)
    jobs.run(functools.partial(jobs.write_numbers, sys.argv[1], 0.2), tasks, RunSettings(workers=2))
"""


def _start(folder: Path) -> subprocess.Popen[bytes]:
    script = folder.parent / "interrupted.py"
    script.write_text(_INTERRUPTED)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(script), str(folder)], cwd=ROOT, env=env, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _until(condition: object, seconds: float = 120.0) -> None:
    began = time.monotonic()
    while not condition():  # type: ignore[operator]
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.02)


def _is_quiet(session: int) -> bool:
    """Whether no process of this session is left."""
    found = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False)
    return not found.stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_stops_within_seconds_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = _start(out)
    _until(lambda: list(out.glob("*/*.bin")))
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes
    process.wait(20)
    assert time.monotonic() - began < 8
    _until(lambda: _is_quiet(process.pid), 5)
    left = [path for path in out.rglob("*") if path.is_file()]
    assert left
    assert all(path.stat().st_size == 200_000 and path.suffix == ".bin" for path in left), left


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = _start(out)
    _until(lambda: list(out.glob("*/*.bin")))
    process.kill()
    process.wait(20)
    _until(lambda: _is_quiet(process.pid), 5)
    assert all(path.stat().st_size == 200_000 for path in out.glob("*/*.bin"))
