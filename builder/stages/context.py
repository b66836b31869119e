"""What one build works on and with."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from builder.engine.log import RunLog
from builder.engine.pools import KeptPools
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.recipe import Recipe
from builder.stages.standardize.disk_space import SpaceCheck
from builder.stages.task_runner import TaskRunner
from builder.stages.thresholds import Auto

_BYTES_PER_PIXEL = 8  # of the largest image: its planes, its file, and a decoder's own copies


@dataclasses.dataclass(frozen=True)
class BuildContext:
    """The inputs and environment of one build.

    Folders may be local or fsspec URLs. Only a pipeline is given the whole; it hands each stage what that needs.
    """

    data: str
    work: Store
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    settings: RunSettings = dataclasses.field(default_factory=RunSettings)
    only: tuple[str, ...] = ()
    file_format: str = "arrow"
    include_restricted: bool = False
    frugal: bool = False
    skip_unreadable: bool = False
    retry_rejects: tuple[str, ...] = ()  # reasons whose images are tried again
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    run_log: RunLog | None = None
    auto: Auto = dataclasses.field(default_factory=Auto)  # which of the recipe's thresholds follow the data

    @property
    def data_store(self) -> Store:
        """Return DATA with its storage options."""
        return Store(self.data, self.options)

    @property
    def runner(self) -> TaskRunner:
        """Return how tasks run."""
        enough = _BYTES_PER_PIXEL * self.recipe.max_pixels
        return TaskRunner(dataclasses.replace(self.settings, enough_memory=enough), self.run_log)

    @contextlib.contextmanager
    def workers(self) -> Iterator[TaskRunner]:
        """Keep workers from stage to stage during the block."""
        with KeptPools() as kept:
            yield dataclasses.replace(self.runner, kept=kept)

    def space_check(self, package: Store) -> SpaceCheck:
        """Return the check of WORK and PACKAGE for sufficient space."""
        return SpaceCheck(self.data_store, self.work, package, self.frugal, self.settings.workers)
