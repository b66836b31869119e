"""Items that failed among others, to be tried alone.

What fails again is confirmed as faulty, and with it all that use the same. Otherwise, a decoder that dies of one
file's bytes would end a process for each of a thousand boxes in that file, and what becomes of the boxes of one file
could depend on the order of the work.
"""

from __future__ import annotations

import collections
from collections.abc import Collection
from typing import Any, NamedTuple

from builder.engine.task import Failure, Shared, Task, parted


class Confirmation(NamedTuple):
    """How something failed when it was tried alone.

    ``is_fact``: its bytes did it, no limit of the machine.
    """

    failure: Failure
    detail: str
    is_fact: bool


class SuspectTracker:
    """Items to try alone, shared confirmations, and items awaiting them."""

    def __init__(self, shared: Shared | None) -> None:
        self._shared = shared
        self._suspected: set[str] = set()
        self._confirmed: dict[str, Confirmation] = {}
        self._to_try_alone: collections.deque[Task] = collections.deque()  # of one item each, which failed in company
        self._held: list[Task] = []

    def suspect(self, task: Task, used: str) -> None:
        """Have a task of one item tried alone.

        Until then, those that use what it used when it failed wait.
        """
        if used in self._uses(task.items[0]):
            self._suspected.add(used)
        self._to_try_alone.append(task)

    def next(self) -> Task | None:
        """Return the next item to be tried alone, or None."""
        return self._to_try_alone.popleft() if self._to_try_alone else None

    def admit(self, task: Task) -> tuple[Task | None, list[tuple[Task, Confirmation]]]:
        """Return what may run, and what is confirmed to fail.

        The rest of the task waits.
        """
        if not self._suspected and not self._confirmed:
            return task, []
        groups: dict[str, list[Any]] = collections.defaultdict(list)
        for item in task.items:
            groups[self._bar(item)].append(item)
        free, confirmed = None, []
        for name, part in zip(groups, parted(task, map(tuple, groups.values())), strict=True):
            if not name:
                free = part
            elif name in self._confirmed:
                confirmed.append((part, self._confirmed[name]))
            else:
                self._held.append(part)
        return free, confirmed

    def confirmation_for(self, item: Any) -> Confirmation | None:
        """Return how what an item uses was confirmed, if so."""
        return self._confirmed.get(self._bar(item))

    def clear(self, item: Any) -> list[Task]:
        """Clear what a working item uses; return what waited."""
        self._suspected.difference_update(self._uses(item))
        return self._released()

    def confirm(self, item: Any, used: str, confirmation: Confirmation) -> tuple[bool, list[Task]]:
        """Keep what is confirmed of what an item was using.

        Return whether others may use that too, and what waited.
        """
        shared = used in self._uses(item)
        if shared:
            self._suspected.discard(used)
            self._confirmed[used] = confirmation
        return shared, self._released()

    def _released(self) -> list[Task]:
        held, self._held = self._held, []
        return held

    def _uses(self, item: Any) -> Collection[str]:
        return () if self._shared is None else self._shared.uses(item)

    def _bar(self, item: Any) -> str:
        """Return the name that bars an item, or "".

        Confirmed names come first.
        """
        names = self._uses(item)
        for known in (self._confirmed, self._suspected):
            for name in names:
                if name in known:
                    return name
        return ""
