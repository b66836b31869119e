"""How the stages of one build run their tasks."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

from builder.engine.failures import refuse_fault
from builder.engine.log import RunLog
from builder.engine.pools import KeptPools
from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Shared, Task, run_tasks
from builder.engine.task import Failure

HOUR = 3600.0


@dataclasses.dataclass(frozen=True)
class TaskRunner:
    """Runner of tasks with a build's settings, log and workers."""

    settings: RunSettings = dataclasses.field(default_factory=RunSettings)
    run_log: RunLog | None = None
    kept: KeptPools | None = None

    def run(
        self,
        progress: Progress,
        function: functools.partial[Any],
        tasks: Iterable[Task],
        on_result: Callable[[Task, Any], None],
        on_crash: Callable[[Any, str], None] | None = None,
        on_fault: Callable[[Any, Failure, str], None] = refuse_fault,
        shared: Shared | None = None,
        time_limit: float | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Run a stage's tasks.

        ``time_limit`` is in seconds per item; None takes that of the settings.
        """
        settings = dataclasses.replace(self.settings, prepare=prepare)
        if time_limit is not None:
            settings = dataclasses.replace(settings, time_limit=time_limit)
        with progress:
            run_tasks(
                function,
                tasks,
                settings=settings,
                progress=progress,
                on_result=on_result,
                on_crash=on_crash,
                on_fault=on_fault,
                shared=shared,
                run_log=self.run_log,
                kept=self.kept,
            )
