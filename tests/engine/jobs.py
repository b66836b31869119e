"""Functions that the tests' workers run.

They lie in a module, as processes can be given no others.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from builder.engine import worker
from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Task, run_tasks
from builder.errors import UserError


def squares(items: Sequence[int]) -> list[int]:
    return [item * item for item in items]


def misbehave(how: dict[int, str], items: Sequence[int]) -> list[int]:
    """Return squares, unless an item is to misbehave.

    It hangs, ends the process or raises.
    """
    done = []
    for item in items:
        _do(how.get(item, ""))
        done.append(item * item)
    return done


def misbehave_ahead(how: dict[int, str], items: Sequence[int]) -> list[int]:
    """Take all items first, then do as ``misbehave``.

    So the worker cannot know which item it is working on.
    """
    return misbehave(how, list(items))


def misbehave_in(how: dict[str, str], items: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the items, unless one's file misbehaves.

    It hangs or ends the process.
    """
    for _, file in items:
        with worker.using(file):
            _do(how.get(file, ""))
    return list(items)


def _do(what: str) -> None:
    if what == "hang":
        time.sleep(600)
    elif what == "abort":
        os.abort()
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        os._exit(3)
    elif what == "allocate":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        np.ones(4 << 30, np.uint8)
    elif what == "bug":
        raise ZeroDivisionError("a bug")
    elif what == "refuse":
        raise UserError("fix this")


def fail_first(folder: str, items: Sequence[int]) -> list[int]:
    """Kill the process once in the middle of each ten.

    When the ten is seen again, work.
    """
    for item in items:
        seen = Path(folder, str(item // 10))
        if item % 10 == 5 and not seen.exists():
            seen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return squares(items)


def fail_first_in(folder: str, faulty: str, items: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Kill the process at its first use of a file.

    From then on, work.
    """
    for _, file in items:
        with worker.using(file):
            seen = Path(folder, file)
            if file == faulty and not seen.exists():
                seen.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    return list(items)


def note_alone(folder: str, items: Sequence[int]) -> list[int]:
    """Kill the process while others run beside it.

    The kernel does so when memory is short.
    """
    mark = Path(folder, str(os.getpid()))
    mark.touch()
    try:
        time.sleep(0.3)
        if 7 in items and len(list(Path(folder).iterdir())) > 1:
            mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return squares(items)
    finally:
        mark.unlink(missing_ok=True)


def threads(items: Sequence[str]) -> dict[str, str | None]:
    return {item: os.environ.get(item) for item in items}


def pids(items: Sequence[int]) -> int:
    return os.getpid()


def slowly(seconds: float, items: Sequence[int]) -> list[int]:
    for _ in items:
        time.sleep(seconds)
    return squares(items)


def write_numbers(folder: str, seconds: float, items: Sequence[int]) -> list[int]:
    """Write each item's file in a store, slowly.

    Slowly enough to be killed in the middle of one.
    """
    from builder.engine.store import Store

    store = Store(folder)
    for item in items:
        with store.writing(f"{item % 7}/{item}.bin") as file:
            for _ in range(4):
                file.write(bytes([item % 256]) * 50_000)
                time.sleep(seconds / 4)
    return squares(items)


class Outcome:
    """What a run gave."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {}
        self.crashed: dict[int, str] = {}
        self.faults: dict[int, tuple[str, str]] = {}
        self.weight = 0
        self.calls = 0


def run(function: Callable[..., list[int]], tasks: Sequence[Task], settings: RunSettings) -> Outcome:
    """Run tasks of numbers that give one number per item."""
    out = Outcome()

    def on_result(task: Task, values: list[int]) -> None:
        assert len(values) == len(task.items)
        assert not set(task.items) & set(out.values), "an item came twice"
        out.values.update(zip(task.items, values, strict=True))
        out.calls += 1

    with Progress("test", None, "items") as progress:
        run_tasks(
            function,
            tasks,
            settings=settings,
            progress=progress,
            on_result=on_result,
            on_crash=lambda item, detail: out.crashed.update({item: detail}),
            on_fault=lambda item, reason, detail: out.faults.update({item: (reason, detail)}),
        )
        out.weight = progress.done
    return out


def tens(count: int) -> list[Task]:
    return [Task(f"task {n}", tuple(range(10 * n, 10 * n + 10)), 10) for n in range(count)]
