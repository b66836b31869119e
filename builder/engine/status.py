"""The state of a build, read from its run log.

It says what is done, left, lost or slow, and at which rate work goes on.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
from collections.abc import Iterable
from typing import Any

_RECENT = 300.0  # seconds over which the present rate is taken
_SLOWEST = 5


@dataclasses.dataclass
class StageStatus:
    """One stage, as the run log shows it.

    Attributes
    ----------
    total : what was to do at its last start, in the stage's unit; None where that was not known
    done : what is finished since that start
    began, ended : seconds since 1970; ``ended`` is None while it runs, or when its process was killed
    rate : units per second over the last five minutes of it
    left : seconds left at that rate, None where that cannot be said
    failures : reason -> items that hung or ended their process
    slowest : (seconds, task) of the slowest tasks, slowest first
    by_source : dir_name -> (units, seconds of work), from task names ``<dir_name>/…``
    """

    name: str
    total: int | None = None
    done: int = 0
    began: float = 0.0
    last: float = 0.0
    ended: float | None = None
    failures: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    slowest: list[tuple[float, str]] = dataclasses.field(default_factory=list)
    by_source: dict[str, tuple[int, float]] = dataclasses.field(default_factory=dict)
    recent: collections.deque[tuple[float, int]] = dataclasses.field(default_factory=collections.deque)

    @property
    def rate(self) -> float:
        """Return units per second over the last five minutes worked."""
        seconds = min(self.last - self.began, _RECENT)
        return sum(weight for _, weight in self.recent) / seconds if seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Return the seconds left at this rate."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate

    def as_dict(self) -> dict[str, Any]:
        """Return the state as JSON values, without rate events."""
        names = ("name", "total", "done", "began", "last", "ended", "rate", "left")
        facts = {name: getattr(self, name) for name in names}
        return {**facts, "failures": dict(self.failures), "slowest": self.slowest, "by_source": self.by_source}

    def add(self, event: dict[str, Any]) -> None:
        """Take a task's event into account."""
        weight, seconds, task = int(event["weight"]), float(event["seconds"]), str(event["task"])
        self.last = float(event["time"])
        if event["event"] in ("done", "poisoned", "not_tried"):
            self.done += weight
            self.recent.append((self.last, weight))
        while self.recent and self.recent[0][0] < self.last - _RECENT:
            self.recent.popleft()
        if event["event"] in ("poisoned", "not_tried"):
            self.failures[str(event["reason"])] += weight
        if event["event"] == "done":
            (heapq.heappush if len(self.slowest) < _SLOWEST else heapq.heappushpop)(self.slowest, (seconds, task))
            source = task.partition("/")[0]
            units, spent = self.by_source.get(source, (0, 0.0))
            self.by_source[source] = (units + weight, spent + seconds)


def status(events: Iterable[dict[str, Any]]) -> list[StageStatus]:
    """Return the stages of the last run that had any.

    They are in the order in which they began. ``begin`` starts a run, ``stage`` (stage, total) a stage, ``stage_end``
    ends it; ``done``, ``poisoned`` and ``error`` are of tasks, as ``run_tasks`` writes them.
    """
    stages: dict[str, StageStatus] = {}
    begun = False
    for event in events:
        kind = event["event"]
        if kind == "begin":
            begun = True
        elif "stage" in event:
            if begun:
                stages, begun = {}, False
            name = str(event["stage"])
            if kind == "stage" or name not in stages:
                stages[name] = StageStatus(name, event.get("total"), began=event["time"], last=event["time"])
            if kind == "stage_end":
                stages[name].ended = event["time"]
            elif kind in ("done", "poisoned", "not_tried", "timed_out", "crashed", "out_of_memory", "error"):
                stages[name].add(event)
    for stage in stages.values():
        stage.slowest.sort(reverse=True)
    return list(stages.values())
