"""Writes the package of a selection: shards, what lies beside them, the manifest last."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.finish import finish_package
from builder.package.layout import MANIFEST
from builder.sources.base import Source
from builder.stages import shard
from builder.stages.job import HOUR, Build
from builder.stages.select import Selected
from builder.stages.versions import code_version

log = logging.getLogger(__name__)


def refuse_strange(package: Store, work: Store) -> None:
    """Refuse to write among files that no build made."""
    if shard.known_files(work) or package.exists(MANIFEST):
        return
    strange = package.list("")
    if strange:
        raise UserError(f"{package.url} holds {strange[0]} and is no package; name a new or empty folder with -o")


def write_package(job: Build, package: Store, sources: Sequence[Source], selected: Selected) -> dict[str, Any]:
    """Write the shards that are not there yet, remove those of an earlier build, and finish the package.

    ``sources`` are the facts of every source that gave a picture; others among them do no harm.
    """
    plan = list(shard.shard_tasks(selected.selection))
    wanted = {shard.shard_path(task.name, job.file_format) for task in plan}
    shard.retire(job.work, package, wanted)
    facts: dict[str, dict[str, Any]] = {}
    job.run(
        Progress("shard", selected.selection.num_rows, "pictures"),
        functools.partial(shard.write_shard, job.work, package, job.recipe, job.file_format),
        plan,
        on_result=lambda _, written: facts.update(written),
        on_poison=_shard_failed,
        time_limit=HOUR,
    )
    log.info(
        "shard: %s written, %s as before",
        sum(f["fresh"] for f in facts.values()),
        sum(not f["fresh"] for f in facts.values()),
    )
    return _finish(job, package, sources, selected, facts)


def _finish(
    job: Build,
    package: Store,
    sources: Sequence[Source],
    selected: Selected,
    facts: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Write what is beside the shards, the manifest last, unless it is there for just these shards."""
    used = set(selected.selection["dir_name"].to_pylist())
    shards = {path: {k: v for k, v in found.items() if k != "fresh"} for path, found in sorted(facts.items())}
    made_from = json.dumps(
        [shards, selected.report, sorted(used), job.file_format, job.recipe.as_dict()], sort_keys=True
    )
    rejects = hashlib.sha256(str(selected.rejects.to_pydict()).encode()).hexdigest()
    fingerprint = markers.fingerprint("finish", made_from, rejects, code_version("finish"))
    if markers.is_done(job.work, "finish", fingerprint) is not None and package.exists(MANIFEST):
        manifest: dict[str, Any] = json.loads(package.read_bytes(MANIFEST))
        sizes = package.sizes()
        if all(sizes.get(path) == found["bytes"] for path, found in manifest["files"].items()):
            log.info("nothing to do: %s is complete", package.url)
            return manifest
    manifest = finish_package(
        package,
        selected.selection,
        selected.rejects,
        job.recipe,
        [source for source in sources if source.dir_name in used],
        shards,
        selected.report,
        job.file_format,
    )
    markers.mark_done(job.work, "finish", fingerprint)
    return manifest


def _shard_failed(item: tuple[str, int, int], reason: str, detail: str) -> None:
    raise UserError(f"shard {item[0]} could not be written: {reason} {detail}; run the same command again")
