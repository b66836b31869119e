"""Runs stage 1: which sources are there, may be used, and what came of each."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Sequence
from typing import Any

from builder.engine.progress import Progress
from builder.engine.run import Task
from builder.engine.store import Store
from builder.errors import UserError
from builder.sources import all_sources
from builder.sources.base import Source
from builder.stages.annotate.annotate_source import annotate_source
from builder.stages.annotate.discover import is_simulated, present_sources
from builder.stages.context import HOUR, BuildContext

log = logging.getLogger(__name__)

_ANNOTATED = "annotated.json"


def annotate(job: BuildContext) -> list[dict[str, Any]]:
    """Annotate every source that is there; return the facts of those that gave images, by dir_name."""
    sources = _usable(job, present_sources(job.data, all_sources(job.only), job.options))
    simulated = is_simulated(job.data, job.options)
    facts: list[dict[str, Any]] = []
    tasks = [Task(source.dir_name, ((source.dir_name, root),), 1) for source, root in sources]
    function = functools.partial(_annotate_task, job.options, job.work, simulated)
    job.run(
        Progress("annotate", len(tasks), "sources"),
        function,
        tasks,
        on_result=lambda _, found: facts.extend(found),
        on_poison=lambda item, reason, detail: log.error("%s: left out: %s %s", item[0], reason, detail),
        time_limit=24 * HOUR,
    )
    for found in sorted(facts, key=lambda f: str(f["dir_name"])):
        _say_annotated(found)
    usable = sorted((f for f in facts if f["images"] and not f["error"]), key=lambda f: str(f["dir_name"]))
    if not usable and any(found["error"] for found in facts):
        raise UserError(f"no source in {job.data} could be read; what each lacks is said above")
    if not usable:
        raise UserError(
            f"no image found in {job.data}; it should hold one folder per source, as `cytoimagenet sources` lists"
        )
    summary = [{name: found[name] for name in ("dir_name", "fingerprint", "images")} for found in usable]
    job.work.write_bytes(_ANNOTATED, json.dumps(summary, indent=1).encode())
    return usable


def annotated_in(work: Store) -> list[dict[str, Any]]:
    """Return dir_name, fingerprint and images of the sources that were annotated last in WORK.

    Raises
    ------
    UserError
        Where none was.
    """
    if not work.exists(_ANNOTATED):
        raise UserError(f"{work.url} holds no annotations; make them with `cytoimagenet annotate DATA -o {work.url}`")
    found: list[dict[str, Any]] = json.loads(work.read_bytes(_ANNOTATED))
    return found


def _annotate_task(
    options: dict[str, Any], work: Store, simulated: bool, items: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    facts = []
    for dir_name, root in items:
        try:
            facts.append(annotate_source(root, options, work, simulated, dir_name))
        except OSError as error:
            text = (
                f"{root} cannot be listed or read ({error.strerror or error}); fix that and run the same command again"
            )
            raise UserError(text) from None
    return facts


def _usable(job: BuildContext, present: list[tuple[Source, str]]) -> list[tuple[Source, str]]:
    """Leave out sources whose licence forbids publishing changed images, and say so."""
    kept = []
    for source, root in present:
        if source.license.restricted and not job.include_restricted:
            log.warning(
                "%s: left out: its licence (%s) forbids publishing changed images; --include-restricted takes it",
                source.dir_name,
                source.license.name,
            )
        else:
            kept.append((source, root))
    return kept


def _say_annotated(found: dict[str, Any]) -> None:
    name = found["dir_name"]
    if found["error"]:
        log.error("%s: left out: %s", name, found["error"])
        return
    log.info("%s: %s images%s", name, f"{found['images']:,}", "" if found["fresh"] else " (as before)")
    for kind, count in sorted(found["notes"].items()):
        examples = "; ".join(_short(example) for example in found["examples"][kind][:3])
        log.warning("%s: %s %s, for instance %s", name, f"{count:,}", kind, examples)


def _short(text: str, most: int = 80) -> str:
    """Return the end of a long text, where paths differ."""
    return text if len(text) <= most else "…" + text[-most:]
