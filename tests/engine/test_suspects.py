"""Items that share what hangs or ends their process."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.engine.log import RunLog, read_log
from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Shared, Task, run_tasks
from tests.engine import jobs

Item = tuple[int, str]


class Outcome:
    """What a run over (number, file) gave."""

    def __init__(self) -> None:
        self.done: list[Item] = []
        self.faulty: list[tuple[str, str, str]] = []
        self.crashed: list[tuple[Item, str]] = []
        self.faults: list[tuple[Item, str, str]] = []
        self.weight = self.failed = 0


def run(how: dict[str, str], folder: Path, tasks: Sequence[Task], settings: RunSettings) -> Outcome:
    out = Outcome()
    with Progress("test") as progress, RunLog(folder / "run.jsonl") as run_log:
        run_tasks(
            functools.partial(jobs.misbehave_in, how),
            tasks,
            settings=settings,
            progress=progress,
            on_result=lambda _, items: out.done.extend(items),
            on_crash=lambda *lost: out.crashed.append(lost),
            on_fault=lambda *lost: out.faults.append(lost),
            shared=Shared(lambda item: [item[1]], lambda *found: out.faulty.append(found)),
            run_log=run_log,
        )
        out.weight = progress.done
    out.failed = sum(event["event"] in ("timed_out", "crashed") for event in read_log(folder / "run.jsonl"))
    return out


def tasks_of(files: str, size: int) -> list[Task]:
    """Return tasks of so many items, one for each letter.

    The letter names the item's file.
    """
    items = list(enumerate(files))
    return [Task(f"from {n}", tuple(items[n : n + size]), len(items[n : n + size])) for n in range(0, len(items), size)]


FILES = "aaFFFFFFbbFFFFFFccFFdd" + "F" * 30


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_ends_processes_is_tried_alone_once_and_all_its_items_are_refused(
    workers: int, tmp_path: Path
) -> None:
    out = run({"F": "exit"}, tmp_path, tasks_of(FILES, 5), RunSettings(workers=workers))
    assert out.faulty == [("F", "crashed", "exit code 3")]
    assert out.crashed == []
    assert out.faults == []
    assert sorted(out.done) == [(n, file) for n, file in enumerate(FILES) if file != "F"]
    assert out.weight == len(FILES)
    assert 2 <= out.failed <= 1 + 3 * workers, "once alone, and what was under way when it was first seen"


def test_a_file_that_hangs_is_a_fault_and_none_of_its_items_is_tried_twice(tmp_path: Path) -> None:
    out = run({"F": "hang"}, tmp_path, tasks_of(FILES, 5), RunSettings(workers=2, time_limit=0.5))
    assert out.faulty == []
    assert sorted(out.faults) == [
        ((n, file), "timed_out", "longer than 0.5 s") for n, file in enumerate(FILES) if file == "F"
    ]
    assert sorted(out.done) == [(n, file) for n, file in enumerate(FILES) if file != "F"]
    assert out.weight == len(FILES)
    assert out.failed <= 1 + 3 * 2


def test_a_file_that_works_at_the_second_try_is_not_faulty(tmp_path: Path) -> None:
    files = "aFFFFbF"
    with Progress("test") as progress:
        done: list[Item] = []
        run_tasks(
            functools.partial(jobs.fail_first_in, str(tmp_path), "F"),
            tasks_of(files, 2),
            settings=RunSettings(workers=1),
            progress=progress,
            on_result=lambda _, items: done.extend(items),
            shared=Shared(lambda item: [item[1]], lambda *_: pytest.fail("it works at the second try")),
        )
    assert sorted(done) == list(enumerate(files))
    assert progress.done == len(files)


def test_several_faulty_files_in_one_task_while_others_work(tmp_path: Path) -> None:
    letters = "ABCD"
    out = run(dict.fromkeys(letters, "exit"), tmp_path, tasks_of("a".join(letters), 4), RunSettings(workers=2))
    assert sorted(name for name, _, _ in out.faulty) == list(letters)
    assert len(out.done) == len(letters) - 1


def test_an_item_that_fails_by_itself_is_not_its_files_fault(tmp_path: Path) -> None:
    tasks = [Task("ten", tuple(range(10)), 10)]
    lost: list[int] = []
    done: list[int] = []
    with Progress("test") as progress:
        run_tasks(
            functools.partial(jobs.misbehave, {3: "exit"}),
            tasks,
            settings=RunSettings(workers=1),
            progress=progress,
            on_result=lambda task, _: done.extend(task.items),
            on_crash=lambda item, _: lost.append(item),
            shared=Shared(lambda item: ["one file"], lambda *_: pytest.fail("the file was not in use")),
        )
    assert lost == [3]
    assert sorted(done) == [n for n in range(10) if n != 3]
