"""Tasks, how they run, and how their pieces end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Literal

Failure = Literal["timed_out", "crashed", "out_of_memory"]
"""``crashed``: its process ended by its own doing, as by a broken decoder. One that is killed from outside counts as
``out_of_memory``, which is the usual reason."""


@dataclasses.dataclass(frozen=True)
class Task:
    """A unit of work: ``function(items)`` in one process.

    Parameters
    ----------
    name : for people
    items : what is worked on, each item by itself: any part of them may be run apart from the others
    weight : what it counts for in the progress
    """

    name: str
    items: tuple[Any, ...]
    weight: int = 1


def parted(task: Task, groups: Iterable[tuple[Any, ...]]) -> Iterator[Task]:
    """Yield a task for each non-empty group of items.

    Weights add up to the task's.
    """
    count, start = len(task.items), 0
    for items in groups:
        end = start + len(items)
        if items:
            yield Task(task.name, items, task.weight * end // count - task.weight * start // count)
        start = end


@dataclasses.dataclass(frozen=True)
class Shared:
    """What several items use, such as an image's file.

    Where it fails for one, it would for all.

    Parameters
    ----------
    uses : the names of what an item uses; the function notes them with ``worker.using`` while it does
    on_faulty_file : called once with the name of what ended the process of an item twice, "crashed", and how, in place
        of ``on_crash`` for all items that use it: those that were done before and those in flight, which may still give
        a result, too. So the outcome does not depend on their order.
    """

    uses: Callable[[Any], Collection[str]]
    on_faulty_file: Callable[[str, str, str], None]


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """How tasks run.

    Parameters
    ----------
    workers : processes on this machine; 0 runs everything in this process, without time limits (to debug)
    scheduler : address of a Dask scheduler that takes the place of local processes
    time_limit : seconds that one item may take
    tasks_per_worker : tasks after which a process is replaced, so that leaks of codecs cannot add up
    enough_memory : bytes that an item may take at most: a crash with less than these left is the machine's fault
    prepare : called once in each process before its first call, unwatched; a function of a module
    """

    workers: int = 1
    scheduler: str | None = None
    time_limit: float = 300.0
    tasks_per_worker: int = 200
    enough_memory: int = 0
    prepare: Callable[[], None] | None = None


@dataclasses.dataclass(frozen=True)
class Piece:
    """A task, or some of its items after failure."""

    task: Task
    tries: int = 0
    alone: bool = False  # one item, while nothing else runs: what fails now does not for want of anything


@dataclasses.dataclass(frozen=True)
class Result:
    """How a piece ended.

    A value, an exception, a failure of its process, or lost with its pool (all None).
    """

    value: Any = None
    error: BaseException | None = None
    failure: Failure | None = None
    detail: str = ""
    position: int | None = None  # of the item that was being worked on, where known
    used: str = ""  # what that item was using, where known
    memory: int | None = None  # bytes that were left to its process when it began, where known
    lost: bool = False
    seconds: float = 0.0  # that the call took in its worker; of failures not known
