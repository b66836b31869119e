"""Writes the package of a selection: shards, what lies beside them, the manifest last."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Sequence
from typing import Any

from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.engine.task import Task
from builder.errors import UserError
from builder.package.finish import finish_package
from builder.package.layout import MANIFEST
from builder.sources.base import Source
from builder.stages.context import HOUR, BuildContext
from builder.stages.select.store import ShardPlan, StoredSelection
from builder.stages.shard import write_shard as shard
from builder.stages.shard.eviction import EvictionPlan
from builder.stages.versions import code_version

log = logging.getLogger(__name__)


def require_empty_or_package(package: Store, work: Store) -> None:
    """Refuse to write among files that no build made."""
    if shard.known_files(work) or package.exists(MANIFEST):
        return
    strange = package.list("")
    if strange:
        raise UserError(f"{package.url} holds {strange[0]} and is no package; name a new or empty folder with -o")


def to_write(
    job: BuildContext, package: Store, stored: StoredSelection
) -> tuple[list[ShardPlan], dict[str, dict[str, Any]]]:
    """Return the shards that are to be written, and {path: facts} of those that are there, made from the same."""
    done = shard.finished(job.work, package, stored.shards, job.recipe, job.file_format)
    return [plan for plan in stored.shards if shard.shard_path(plan.shard, job.file_format) not in done], done


def write_package(
    job: BuildContext, package: Store, sources: Sequence[Source], stored: StoredSelection
) -> dict[str, Any]:
    """Write the shards that are not there yet, remove those of an earlier build, and finish the package.

    ``sources`` are the facts of every source that gave an example; others among them do no harm.
    """
    shard.retire(job.work, package, {shard.shard_path(plan.shard, job.file_format) for plan in stored.shards})
    plans, facts = to_write(job, package, stored)
    before = len(facts)
    spending = EvictionPlan(job.work, stored, plans) if job.frugal else None
    if spending:
        plans = spending.begin()

    def on_result(task: Task, written: dict[str, dict[str, Any]]) -> None:
        facts.update(written)
        if spending:
            spending.finish(task.name)

    job.run(
        Progress("shard", sum(plan.rows for plan in plans), "examples"),
        functools.partial(shard.write_shard, job.work, package, job.recipe, job.file_format),
        [Task(plan.shard, (plan,), plan.rows) for plan in plans],
        on_result=on_result,
        on_poison=_shard_failed,
        time_limit=HOUR,
    )
    log.info("shard: %s written, %s as before", len(plans), before)
    return _finish(job, package, sources, stored, facts)


def _finish(
    job: BuildContext,
    package: Store,
    sources: Sequence[Source],
    stored: StoredSelection,
    facts: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Write what is beside the shards, the manifest last, unless it is there for just these shards."""
    shards = dict(sorted(facts.items()))
    made_from = json.dumps(
        [shards, stored.report, stored.dir_names, job.file_format, job.recipe.as_dict()], sort_keys=True
    )
    fingerprint = markers.fingerprint("finish", made_from, stored.rejects_sha256, code_version("finish"))
    if markers.is_done(job.work, "finish", fingerprint) is not None and package.exists(MANIFEST):
        manifest: dict[str, Any] = json.loads(package.read_bytes(MANIFEST))
        sizes = package.sizes()
        if all(sizes.get(path) == found["bytes"] for path, found in manifest["files"].items()):
            log.info("nothing to do: %s is complete", package.url)
            return manifest
    manifest = finish_package(
        package,
        stored,
        stored.rejects,
        job.recipe,
        [source for source in sources if source.dir_name in stored.dir_names],
        shards,
        stored.report,
        job.file_format,
    )
    markers.mark_done(job.work, "finish", fingerprint)
    return manifest


def _shard_failed(plan: ShardPlan, reason: str, detail: str) -> None:
    raise UserError(f"shard {plan.shard} could not be written: {reason} {detail}; run the same command again")
