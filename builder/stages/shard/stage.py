"""Stage 5: the package's shards (method, section 6)."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine import markers
from builder.engine.failures import refuse_fault
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.engine.task import Task
from builder.errors import UserError
from builder.recipe import Recipe
from builder.stages.select.store import ShardPlan, StoredSelection
from builder.stages.shard import write_shard
from builder.stages.shard.eviction import EvictionPlan, evicted_images
from builder.stages.shard.package_files import retire, stale_files
from builder.stages.shard.write_shard import finished, shard_fingerprint
from builder.stages.stage import Facts
from builder.stages.standardize.part_images import bytes_of_images
from builder.stages.task_runner import HOUR, TaskRunner
from cytoimagenet_reader.layout import DATA, shard_path

log = logging.getLogger(__name__)

ShardFacts = dict[str, dict[str, Any]]
"""Path in the package -> rows, bytes and sha256."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """Stage that writes missing shards and removes outdated ones."""

    work: Store
    package: Store
    recipe: Recipe
    runner: TaskRunner
    file_format: str
    selection: StoredSelection
    frugal: bool = False
    name: ClassVar[str] = "shard"

    def fingerprint(self) -> str:
        """Return the hash of what all shards are made from."""
        how = self.recipe, self.file_format, self._classes
        plans = (shard_fingerprint(plan, *how) for plan in self.selection.shards)
        return markers.fingerprint("shard", *self._paths(), *plans)

    def find(self, facts: Facts) -> ShardFacts | None:
        """Return an earlier run's shards, or None if incomplete.

        None also where there are stale shards, or PNGs are to be removed.
        """
        sizes = self.package.sizes(DATA)
        whole = all(sizes.get(path) == found["bytes"] for path, found in facts.items())
        if not whole or stale_files(self.work, self.package, facts) or (self.frugal and bytes_of_images(self.work)):
            return None
        return dict(facts)

    def run(self) -> tuple[ShardFacts, Facts]:
        """Write the missing shards.

        With ``frugal``, remove each part's PNGs after the last shard that needs them.

        Raises
        ------
        UserError
            Where a shard cannot be written.
        """
        retire(self.work, self.package, set(self._paths()))
        facts = self._finished()
        plans = self._missing(facts)
        if len(evicted_images(self.work, self.selection, plans)):
            raise UserError(
                f"PNGs are disappearing from {self.work.url}: is another program cleaning it? "
                "Run the same command again"
            )
        eviction = EvictionPlan(self.work, self.selection, plans) if self.frugal else None
        if eviction:
            plans = eviction.begin()

        def on_result(task: Task, written: ShardFacts) -> None:
            facts.update(written)
            if eviction:
                eviction.finish(task.name)

        before = len(facts)
        self.runner.run(
            Progress(self.name, sum(plan.rows for plan in plans), "examples"),
            functools.partial(
                write_shard.write_shard, self.work, self.package, self.recipe, self.file_format, classes=self._classes
            ),
            [Task(plan.shard, (plan,), plan.rows) for plan in plans],
            on_result=on_result,
            on_fault=lambda plan, reason, detail: refuse_fault(f"shard {plan.shard}", reason, detail),
            time_limit=HOUR,
        )
        log.info("shard: %s written, %s as before", len(plans), before)
        facts = dict(sorted(facts.items()))
        return facts, facts

    def describe(self, result: ShardFacts) -> str:
        """Return how many shards there are."""
        return f"{len(result):,} shards"

    def evicted_images(self) -> pa.Array:
        """Return the idx of images whose evicted PNGs are needed.

        A shard that is to be written needs them.
        """
        return evicted_images(self.work, self.selection, self._missing(self._finished()))

    @functools.cached_property
    def _classes(self) -> list[str]:
        """Return the classes of ``full`` for Parquet; none for Arrow.

        Parquet shards hold the class numbers; the bytes of Arrow shards do not depend on them.
        """
        if self.file_format == "arrow":
            return []
        names: list[str] = pc.unique(self.selection.columns("label")["label"].cast(pa.string())).to_pylist()
        return sorted(names)

    def _paths(self) -> list[str]:
        return [shard_path(plan.shard, self.file_format) for plan in self.selection.shards]

    def _finished(self) -> ShardFacts:
        plans = self.selection.shards
        return finished(self.work, self.package, plans, self.recipe, self.file_format, self._classes)

    def _missing(self, done: ShardFacts) -> list[ShardPlan]:
        return [plan for plan in self.selection.shards if shard_path(plan.shard, self.file_format) not in done]
