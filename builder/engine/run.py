"""Fault-tolerant execution of tasks in processes or on clusters.

A task that fails is cut at the item that its worker was at (where that is not known: tried once more, then halved). The
others go on, and that item is tried once more when all else is done, alone, with all the memory and time there is. If
its process dies again, by its own doing and with memory enough, the item's bytes did it: a fact, which the caller may
remember. Anything else is a fault of the machine (memory, time, a kill), which says nothing about the item.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import logging
import queue
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from builder.engine.failures import refuse_fault
from builder.engine.log import RunLog
from builder.engine.memory import peak_memory
from builder.engine.pools import CANNOT_START, InProcess, KeptPools, Pool
from builder.engine.progress import Progress
from builder.engine.space import readable
from builder.engine.suspects import Confirmation, SuspectTracker
from builder.engine.task import Failure, Piece, Result, RunSettings, Shared, Task, parted
from builder.errors import UserError

__all__ = ["RunSettings", "Shared", "Task", "TaskError", "run_tasks"]

log = logging.getLogger(__name__)

_MOST_CRASHED = 20  # items, and a tenth of those that worked: more are not the items' doing
_MOST_RESTARTS_IN_A_ROW = 3
_LOOK_EVERY = 1.0  # seconds


class TaskError(RuntimeError):
    """An exception in a task: a bug, not bad input."""


def run_tasks(
    function: Callable[[tuple[Any, ...]], Any],
    tasks: Iterable[Task],
    *,
    settings: RunSettings,
    progress: Progress,
    on_result: Callable[[Task, Any], None],
    on_crash: Callable[[Any, str], None] | None = None,
    on_fault: Callable[[Any, Failure, str], None] = refuse_fault,
    shared: Shared | None = None,
    run_log: RunLog | None = None,
    kept: KeptPools | None = None,
) -> None:
    """Run ``function(items)`` for every task.

    Only a few tasks per worker are taken from ``tasks`` ahead of time.

    Parameters
    ----------
    function : picklable; goes through its items in order, and may be called with some of a task's items
    on_result : called in this thread with each result, in the order of completion; where a task's items had to be
        parted, once for each part, with a task that holds just these items
    on_crash : called with an item whose own bytes end its process, and how it ended; None where that is a fault too
    on_fault : called with an item that failed alone for want of time or memory, or killed from outside, and how;
        by default it ends the run
    shared : what items have in common that may be to blame in their place
    kept : local workers that other runs use as well; None starts some for this run

    Raises
    ------
    TaskError
        Where the function raised; the first ends the run.
    UserError
        The function's own, as it is; or at a fault; or where so many items crash that it is not their doing.
    """
    if run_log is not None:
        run_log.write("stage", stage=progress.title, total=progress.total, unit=progress.unit)
    with _pool(settings, kept) as pool:
        run = _Run(function, pool, settings, iter(tasks), progress, on_result, on_crash, on_fault, shared, run_log)
        run.drive()
    if run_log is not None:
        run_log.write("stage_end", stage=progress.title, peak_bytes=peak_memory())


@contextlib.contextmanager
def _pool(settings: RunSettings, kept: KeptPools | None) -> Iterator[Pool]:
    pool: Pool
    with contextlib.ExitStack() as stack:
        if settings.scheduler is not None:
            from builder.engine.cluster import ClusterPool

            pool = ClusterPool(settings)
            stack.callback(pool.close)
        elif settings.workers == 0:
            pool = InProcess()
        else:
            pool = (kept or stack.enter_context(KeptPools())).pool(settings)
        yield pool


@dataclasses.dataclass
class _Run:
    function: Callable[[Any], Any]
    pool: Pool
    settings: RunSettings
    tasks: Iterator[Task]
    progress: Progress
    on_result: Callable[[Task, Any], None]
    on_crash: Callable[[Any, str], None] | None
    on_fault: Callable[[Any, Failure, str], None]
    shared: Shared | None
    run_log: RunLog | None

    def __post_init__(self) -> None:
        self.suspects = SuspectTracker(self.shared)
        self.running: dict[Future[Any], Piece] = {}
        self.finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.again: collections.deque[Piece] = collections.deque()
        self.exhausted = False
        self.worked = self.crashed = 0  # items
        self.restarts_in_a_row = 0
        self.last_end = time.monotonic()

    def drive(self) -> None:
        """Fill the pool and handle results until nothing is left."""
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
        """Start what fits; return whether anything is running."""
        while len(self.running) < self.pool.places and not any(piece.alone for piece in self.running.values()):
            piece = self._in_company() or (None if self.running else self._alone())
            if piece is None:
                break
            future = self.pool.submit(self.function, piece.task.items)
            self.running[future] = piece
            future.add_done_callback(self.finished.put)
        return bool(self.running)

    def _in_company(self) -> Piece | None:
        while (piece := self._waiting()) is not None:
            admitted, confirmed = self.suspects.admit(piece.task)
            for task, confirmation in confirmed:
                self._give_up(task, confirmation)
            if admitted is not None:
                return dataclasses.replace(piece, task=admitted)
        return None

    def _waiting(self) -> Piece | None:
        if self.again:
            return self.again.popleft()
        if not self.exhausted:
            for task in self.tasks:
                return Piece(task)
            self.exhausted = True
        return None

    def _alone(self) -> Piece | None:
        while (task := self.suspects.next()) is not None:
            confirmation = self.suspects.confirmation_for(task.items[0])
            if confirmation is None:
                return Piece(task, alone=True)
            self._give_up(task, confirmation)
        return None

    def _deal_with(self, piece: Piece, ended: Result) -> None:
        task, seconds = piece.task, ended.seconds
        if ended.lost:
            self._put_back(piece)
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
            self._failed(piece, ended.failure, ended)
        else:
            self.restarts_in_a_row = 0
            self.worked += len(task.items)
            if piece.alone:
                self.again.extend(map(Piece, self.suspects.clear(task.items[0])))
            self.on_result(task, ended.value)
            self.progress.add(task.weight)
            self._note("done", task, seconds)

    def _failed(self, piece: Piece, failure: Failure, ended: Result) -> None:
        """Isolate the failing item, or judge one that was alone."""
        task, used = piece.task, ended.used
        log.warning("%s (%d items): %s%s", task.name, len(task.items), used and f"{used}: ", ended.detail)
        if piece.alone:
            self._confirm(task, used, self._confirmation(failure, ended))
        elif len(task.items) == 1:
            self.suspects.suspect(task, used)
        elif ended.position is not None:
            before, item, after = (
                task.items[: ended.position],
                task.items[ended.position],
                task.items[ended.position + 1 :],
            )
            suspect, *rest = parted(task, [(item,), before, after])
            self.suspects.suspect(suspect, used)
            self.again.extend(map(Piece, rest))
        elif piece.tries == 0:
            self.again.append(Piece(task, tries=1))
        else:
            half = len(task.items) // 2
            self.again.extend(Piece(part, 1) for part in parted(task, [task.items[:half], task.items[half:]]))

    def _confirmation(self, failure: Failure, ended: Result) -> Confirmation:
        enough = self.settings.enough_memory
        if failure != "crashed" or self.on_crash is None:
            return Confirmation(failure, ended.detail, is_fact=False)
        if ended.memory is not None and ended.memory < enough:
            short = (
                f"{ended.detail}, with {readable(ended.memory)} of memory left where {readable(enough)} may be needed"
            )
            return Confirmation(failure, short, is_fact=False)
        return Confirmation(failure, ended.detail, is_fact=True)

    def _confirm(self, task: Task, used: str, confirmation: Confirmation) -> None:
        [item] = task.items
        if confirmation.is_fact:
            self._refuse_too_many(task, confirmation.detail)
        shared, waited = self.suspects.confirm(item, used, confirmation)
        if shared and confirmation.is_fact and self.shared is not None:
            self.shared.on_faulty_file(used, confirmation.failure, confirmation.detail)
        elif confirmation.is_fact and self.on_crash is not None:
            self.on_crash(item, confirmation.detail)
        self._give_up(task, confirmation)
        self.again.extend(map(Piece, waited))

    def _give_up(self, task: Task, confirmation: Confirmation) -> None:
        """Report a task's faults and count its items as done."""
        if not confirmation.is_fact:
            for item in task.items:
                self.on_fault(item, confirmation.failure, confirmation.detail)
        self.progress.add(task.weight)
        event = "poisoned" if confirmation.is_fact else "not_tried"
        self._note(event, task, 0.0, reason=confirmation.failure, detail=confirmation.detail)

    def _refuse_too_many(self, task: Task, detail: str) -> None:
        self.crashed += 1
        if self.crashed > max(_MOST_CRASHED, self.worked // 10):
            raise UserError(
                f"{self.crashed} items crashed and {self.worked} did not, the last in {task.name} ({detail}): that is "
                "not the fault of the items; see the log above, fix the machine or its libraries, "
                "and run the same command again"
            )

    def _restart(self, why: str) -> None:
        self.restarts_in_a_row += 1
        if self.restarts_in_a_row > _MOST_RESTARTS_IN_A_ROW:
            raise UserError(f"the pool of processes {why}, {self.restarts_in_a_row} times in a row: {CANNOT_START}")
        log.warning("the pool of processes %s; it is started anew", why)
        for piece in self.running.values():
            self._put_back(piece)
        self.running.clear()
        self.pool.restart()
        self.last_end = time.monotonic()

    def _put_back(self, piece: Piece) -> None:
        if piece.alone:
            self.suspects.suspect(piece.task, "")
        else:
            self.again.append(piece)

    def _note(self, event: str, task: Task, seconds: float, **facts: Any) -> None:
        if self.run_log is not None:
            name = self.progress.title
            self.run_log.write(event, stage=name, task=task.name, weight=task.weight, seconds=seconds, **facts)
