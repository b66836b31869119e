"""Which of the things that items share hang or end processes: one trial each, and its users wait for the outcome."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

from builder.engine.task import Failure, Piece, Result, Shared, Task, parted


class SuspectTracker:
    """What is faulty, what is suspected, and the pieces that wait for a verdict."""

    def __init__(self, shared: Shared | None) -> None:
        self._shared = shared
        self._guilty: dict[str, tuple[Failure | None, str]] = {}
        self._held: dict[str, list[Piece]] = {}

    def is_shared(self, piece: Piece, ended: Result) -> bool:
        """Return whether a piece failed while its item used something that others may use."""
        if self._shared is None or ended.position is None or not ended.used:
            return False
        return ended.used in self._shared.uses(piece.task.items[ended.position])

    def concerns(self, piece: Piece, name: str) -> bool:
        """Return whether an item of a piece uses this."""
        return self._shared is not None and any(name in self._shared.uses(item) for item in piece.task.items)

    def suspect(self, piece: Piece, ended: Result) -> list[Piece]:
        """Return what is to be run after a failure with something shared: a trial first, where there was none yet."""
        killed = piece.exclusive or ended.killed
        if ended.used in self._guilty or ended.used in self._held:
            return [dataclasses.replace(piece, exclusive=killed)]  # its users are taken out of it before it is run
        at = ended.position or 0
        items = piece.task.items
        trial, *rest = parted(piece.task, [items[at : at + 1], items[:at] + items[at + 1 :]])
        self._held[ended.used] = []
        return [Piece(trial, 1, killed, ended.used), *(Piece(task, piece.tries, killed) for task in rest)]

    def confirm(self, name: str, ended: Result) -> list[Piece]:
        """Find the thing faulty and tell the caller of the run; return the pieces that waited."""
        if self._shared is None:
            raise RuntimeError("nothing is shared")
        self._guilty[name] = ended.failure, ended.detail
        self._shared.on_guilty(name, str(ended.failure), ended.detail)
        return self.clear(name)

    def clear(self, name: str) -> list[Piece]:
        """End the suspicion; return the pieces that waited."""
        return self._held.pop(name, [])

    def admit(self, piece: Piece) -> tuple[Piece | None, list[tuple[Task, Failure | None, str]]]:
        """Return what of a piece may run now, and (task, reason, detail) of what will never; the rest waits."""
        if self._shared is None or piece.suspect_resource or not (self._guilty or self._held):
            return piece, []
        groups: dict[str, list[Any]] = collections.defaultdict(list)
        for item in piece.task.items:
            groups[self._bar(self._shared.uses(item))].append(item)
        free, lost = None, []
        for name, task in zip(groups, parted(piece.task, map(tuple, groups.values())), strict=True):
            part = dataclasses.replace(piece, task=task)
            if not name:
                free = part
            elif name in self._guilty:
                lost.append((task, *self._guilty[name]))
            else:
                self._held[name].append(part)
        return free, lost

    def _bar(self, names: Any) -> str:
        """Return which of the names keeps an item from being run, faulty ones first; "" for none."""
        for known in (self._guilty, self._held):
            for name in names:
                if name in known:
                    return str(name)
        return ""
