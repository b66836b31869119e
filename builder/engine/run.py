"""Runs a stage's tasks in processes or on a cluster; a task that hangs or kills its process loses its faulty item only.

Such a task is tried once more as a whole, then cut at the item that its worker was at (where that is not known: in
halves), until single items that fail twice, alone, are left. All other items go on. Where the item was using something
that others share, a file for instance, that is tried once more with this item alone; if it fails again, all its users
are given up at once (``suspects``).
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import logging
import queue
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from builder.engine.log import RunLog
from builder.engine.memory import peak_memory
from builder.engine.pools import InProcess, LocalPool, Pool, single_threads
from builder.engine.progress import Progress
from builder.engine.suspects import SuspectTracker
from builder.engine.task import Piece, Result, RunSettings, Shared, Task, parted
from builder.errors import UserError

__all__ = ["RunSettings", "Shared", "Task", "TaskError", "run_tasks"]

log = logging.getLogger(__name__)

_MOST_LOST_IN_A_ROW = 20
_MOST_RESTARTS_IN_A_ROW = 3
_LOOK_EVERY = 1.0  # seconds


class TaskError(RuntimeError):
    """An exception in a task: a bug, not bad input. Its cause is the exception itself."""


def run_tasks(
    function: Callable[[tuple[Any, ...]], Any],
    tasks: Iterable[Task],
    *,
    settings: RunSettings,
    progress: Progress,
    on_result: Callable[[Task, Any], None],
    on_poison: Callable[[Any, str, str], None],
    shared: Shared | None = None,
    run_log: RunLog | None = None,
) -> None:
    """Run ``function(items)`` for every task; only a few tasks a worker are taken from ``tasks`` ahead of time.

    Parameters
    ----------
    function : picklable; goes through its items in order, and may be called with some of a task's items
    on_result : called in this thread with each result, in the order of completion; where a task's items had to be
        parted, once for each part, with a task that holds just these items
    on_poison : called with an item that hangs or ends its process, "timed_out" or "crashed", and how
    shared : what items have in common that may be to blame in their place

    Raises
    ------
    TaskError
        Where the function raised; the first ends the run.
    UserError
        The function's own, as it is; or where item after item fails, which is not the items' fault.
    """
    if run_log is not None:
        run_log.write("stage", stage=progress.title, total=progress.total, unit=progress.unit)
    with _pool(settings) as pool:
        _Run(function, pool, iter(tasks), progress, on_result, on_poison, SuspectTracker(shared), run_log).drive()
    if run_log is not None:
        run_log.write("stage_end", stage=progress.title, peak_bytes=peak_memory())


@contextlib.contextmanager
def _pool(settings: RunSettings) -> Iterator[Pool]:
    pool: Pool
    with contextlib.ExitStack() as stack:
        if settings.scheduler is not None:
            from builder.engine.cluster import ClusterPool

            pool = ClusterPool(settings)
        elif settings.workers == 0:
            pool = InProcess()
        else:
            stack.enter_context(single_threads())
            pool = LocalPool(settings)
        stack.callback(pool.close)
        yield pool


@dataclasses.dataclass
class _Run:
    function: Callable[[Any], Any]
    pool: Pool
    tasks: Iterator[Task]
    progress: Progress
    on_result: Callable[[Task, Any], None]
    on_poison: Callable[[Any, str, str], None]
    suspects: SuspectTracker
    run_log: RunLog | None

    def __post_init__(self) -> None:
        self.running: dict[Future[Any], Piece] = {}
        self.finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.again: collections.deque[Piece] = collections.deque()
        self.exclusive: collections.deque[Piece] = collections.deque()
        self.exhausted = False
        self.poisoned_in_a_row = 0
        self.restarts_in_a_row = 0
        self.last_end = time.monotonic()

    def drive(self) -> None:
        """Keep the pool filled and deal with what ends, until nothing is left."""
        while self._fill():
            try:
                future = self.finished.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                if self.pool.is_stuck(time.monotonic() - self.last_end):
                    self._restart("gives no answer")
                continue
            if future not in self.running:
                continue  # of a pool before a restart
            self.last_end = time.monotonic()
            self._deal_with(self.running.pop(future), self.pool.ended(future))

    def _fill(self) -> bool:
        """Start what there is place for; return whether anything is running."""
        while len(self.running) < self.pool.places:
            piece = self._next()
            if piece is None:
                break
            future = self.pool.submit(self.function, piece.task.items)
            self.running[future] = piece
            future.add_done_callback(self.finished.put)
            if piece.exclusive:
                break
        return bool(self.running)

    def _next(self) -> Piece | None:
        while (piece := self._waiting()) is not None:
            admitted, lost = self.suspects.admit(piece)
            for task, reason, detail in lost:
                self._give_up(task, reason, detail)
            if admitted is not None:
                return admitted
        return None

    def _waiting(self) -> Piece | None:
        if any(piece.exclusive for piece in self.running.values()):
            return None
        if self.again:
            return self.again.popleft()
        if not self.exhausted:
            for task in self.tasks:
                return Piece(task)
            self.exhausted = True
        return self.exclusive.popleft() if self.exclusive and not self.running else None

    def _deal_with(self, piece: Piece, ended: Result) -> None:
        task, seconds = piece.task, ended.seconds
        if ended.lost:
            self.again.append(piece)
            self._restart("broke")
        elif ended.error is not None:
            trace = ended.detail or "".join(traceback.format_exception(ended.error))
            self._note("error", task, seconds, detail=repr(ended.error), traceback=trace)
            if isinstance(ended.error, UserError):
                raise ended.error
            if ended.detail:
                log.error("%s", ended.detail.rstrip())
            raise TaskError(f"task {task.name}: {type(ended.error).__name__}: {ended.error}") from ended.error
        elif ended.failure is not None:
            self._note(ended.failure, task, seconds, detail=ended.detail)
            self._failed(piece, ended)
        else:
            self.poisoned_in_a_row = self.restarts_in_a_row = 0
            if piece.suspect_resource:
                self._put_all(self.suspects.clear(piece.suspect_resource))
            self.on_result(task, ended.value)
            self.progress.add(task.weight)
            self._note("done", task, seconds)

    def _failed(self, piece: Piece, ended: Result) -> None:
        """Try once more, or part the items, or give up the one that is left."""
        task, exclusive = piece.task, piece.exclusive or ended.killed
        log.warning("%s (%d items): %s%s", task.name, len(task.items), ended.used and f"{ended.used}: ", ended.detail)
        if piece.suspect_resource and piece.suspect_resource == ended.used:
            self._refuse_too_many(task, ended)
            self._put_all(self.suspects.confirm(ended.used, ended))
            self._give_up(task, ended.failure, ended.detail)
            return
        self._put_all(self.suspects.clear(piece.suspect_resource))
        if not piece.suspect_resource and self.suspects.is_shared(piece, ended):
            self._put_all(reversed(self.suspects.suspect(piece, ended)), first=True)
            self._withdraw(ended.used)
        elif piece.tries == 0:
            self._put_all([Piece(task, tries=1, exclusive=exclusive)])
        elif len(task.items) > 1:
            parts = _parts(task, ended.position)
            self._put_all(Piece(part, 0 if len(part.items) == 1 else 1, exclusive) for part in parts)
        else:
            self._refuse_too_many(task, ended)
            for item in task.items:
                self.on_poison(item, str(ended.failure), ended.detail)
            self._give_up(task, ended.failure, ended.detail)

    def _withdraw(self, name: str) -> None:
        """Take back what has not begun and would use the same."""
        for future, piece in list(self.running.items()):
            if self.suspects.concerns(piece, name) and self.pool.withdraw(future):
                del self.running[future]
                self._put_all([piece])

    def _put_all(self, pieces: Iterable[Piece], first: bool = False) -> None:
        for piece in pieces:
            waiting = self.exclusive if piece.exclusive else self.again
            (waiting.appendleft if first else waiting.append)(piece)

    def _refuse_too_many(self, task: Task, ended: Result) -> None:
        self.poisoned_in_a_row += 1
        if self.poisoned_in_a_row > _MOST_LOST_IN_A_ROW:
            raise UserError(
                f"{self.poisoned_in_a_row} items in a row {ended.failure}, the last in {task.name} ({ended.detail}): "
                "that is not the items' fault; see the log above, fix the machine or its file system, run again"
            )

    def _give_up(self, task: Task, reason: str | None, detail: str) -> None:
        self.progress.add(task.weight)
        self._note("poisoned", task, 0.0, reason=reason, detail=detail)

    def _restart(self, why: str) -> None:
        self.restarts_in_a_row += 1
        if self.restarts_in_a_row > _MOST_RESTARTS_IN_A_ROW:
            raise TaskError(f"the pool {why}, {self.restarts_in_a_row} times in a row")
        log.warning("the pool of processes %s; it is started anew", why)
        self.again.extend(self.running.values())
        self.running.clear()
        self.pool.restart()
        self.last_end = time.monotonic()

    def _note(self, event: str, task: Task, seconds: float, **facts: Any) -> None:
        if self.run_log is not None:
            name = self.progress.title
            self.run_log.write(event, stage=name, task=task.name, weight=task.weight, seconds=seconds, **facts)


def _parts(task: Task, position: int | None) -> Iterator[Task]:
    """Return the task in parts: before, at and after the position, or in halves."""
    count = len(task.items)
    bounds = [0, count // 2, count] if position is None else [0, position, position + 1, count]
    return parted(task, [task.items[start:end] for start, end in itertools.pairwise(bounds)])
