"""What one build works on and with, and how its stages run."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

from builder.engine.log import RunLog
from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Shared, Task, run_tasks
from builder.engine.store import Store
from builder.recipe import Recipe

HOUR = 3600.0


@dataclasses.dataclass(frozen=True)
class BuildContext:
    """What one build works on and with; folders may be local or fsspec URLs."""

    data: str
    work: Store
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    settings: RunSettings = dataclasses.field(default_factory=RunSettings)
    only: tuple[str, ...] = ()
    file_format: str = "arrow"
    include_restricted: bool = False
    frugal: bool = False
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    run_log: RunLog | None = None

    def run(
        self,
        progress: Progress,
        function: functools.partial[Any],
        tasks: Iterable[Task],
        on_result: Callable[[Task, Any], None],
        on_poison: Callable[[Any, str, str], None],
        shared: Shared | None = None,
        time_limit: float | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Run a stage's tasks; ``time_limit`` in seconds an item, None takes that of the settings."""
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
                on_poison=on_poison,
                shared=shared,
                run_log=self.run_log,
            )
