"""The contract of a stage, and the function running it.

Only this function decides whether a stage has anything to do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from builder.engine import markers
from builder.engine.store import Store

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Facts = Mapping[str, Any]
"""JSON values that a stage's marker keeps of its result."""


class Stage(Protocol[Result]):
    """A stage of a pipeline.

    Its inputs are its fields, and it reads nothing else.

    Attributes
    ----------
    name : of the stage, and of its marker
    work : where its result lies, and its marker
    """

    @property
    def name(self) -> str: ...

    @property
    def work(self) -> Store: ...

    def fingerprint(self) -> str | None:
        """Return the hash of inputs, recipe and code.

        It covers all that decides the result. None where that is known only while the stage runs; then each of its
        units of work checks whether it is done.
        """

    def find(self, facts: Facts) -> Result | None:
        """Return an earlier run's result, or None if incomplete."""

    def run(self) -> tuple[Result, Facts]:
        """Make what is missing of the result."""

    def describe(self, result: Result) -> str:
        """Return the result in a few words, for the log."""


def carry_out(stage: Stage[Result]) -> Result:
    """Return a stage's result, making it only if needed.

    It is made if the last one was made from something else, or is incomplete.
    """
    fingerprint = stage.fingerprint()
    facts = None if fingerprint is None else markers.is_done(stage.work, stage.name, fingerprint)
    found = None if facts is None else stage.find(facts)
    if found is not None:
        log.info("%s: nothing to do: %s", stage.name, stage.describe(found))
        return found
    result, new_facts = stage.run()
    if fingerprint is not None:
        markers.mark_done(stage.work, stage.name, fingerprint, **new_facts)
    log.info("%s: %s", stage.name, stage.describe(result))
    pa.default_memory_pool().release_unused()  # tables of a million rows that are no longer needed
    return result
