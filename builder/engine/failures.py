"""Words for tasks that failed without their items' fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from builder.engine.task import Failure
from builder.errors import UserError

_REMEDIES: Final[Mapping[Failure, str]] = {
    "timed_out": "see whether its file system hangs",
    "out_of_memory": "give it more memory",
    "crashed": "see the log above and give it more memory",
}


def refuse_fault(item: Any, reason: Failure, detail: str) -> None:
    """End the run at a fault of the machine."""
    raise UserError(f"{item}: {how_it_failed(reason, detail)}; {_REMEDIES[reason]}, then run the same command again")


def how_it_failed(reason: Failure, detail: str) -> str:
    """Return how a task failed, in words."""
    name = reason.replace("_", " ")
    return f"{name}{f' ({detail})' if detail != name else ''}, also while nothing else ran"
