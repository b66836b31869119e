"""The stages one after another: what `build` does. Each says what it did, or that there was nothing to do."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.run import RunSettings, Task, run_tasks
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.finish import finish_package
from builder.recipe import Recipe
from builder.schema import ANNOTATIONS, ASSIGNMENTS, CATEGORIES
from builder.sources import all_sources, get_source
from builder.sources.base import Source
from builder.stages import shard, standardize
from builder.stages.annotate import annotate_source, annotations_path
from builder.stages.label import assign_labels
from builder.stages.present import is_simulated, present_sources
from builder.stages.select import Selected, select
from builder.stages.versions import code_version

log = logging.getLogger(__name__)

ASSIGNMENTS_PATH = "assignments.parquet"
MANIFEST = "manifest.json"
_LABEL_COLUMNS = ("idx", "dir_name", "name", "database", *CATEGORIES, "microscopy")
_HOURS = 3600.0


@dataclasses.dataclass(frozen=True)
class Build:
    """What one build works on and with; folders may be local or fsspec URLs."""

    data: str
    work: Store
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    settings: RunSettings = dataclasses.field(default_factory=RunSettings)
    only: tuple[str, ...] = ()
    file_format: str = "arrow"
    include_restricted: bool = False
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


def build(job: Build, package: Store) -> dict[str, Any]:
    """Make the package; what is there already, from the same inputs, recipe and code, is not made again.

    Returns
    -------
    dict: the package's manifest

    Raises
    ------
    UserError
        Where there is nothing to build from, or no class is left.
    """
    refuse_strange(package, job.work)
    annotated = annotate(job)
    assignments = label(job, annotated)
    items = standardize.wanted_items(job.work, assignments)
    standardize_images(job, items)
    selected = select_pictures(job, annotated, assignments, items)
    sources = [get_source(str(found["dir_name"])) for found in annotated]
    return write_package(job, package, sources, selected)


def refuse_strange(package: Store, work: Store) -> None:
    """Refuse to write among files that no build made."""
    if shard.known_files(work) or package.exists(MANIFEST):
        return
    strange = package.list("")
    if strange:
        raise UserError(f"{package.url} holds {strange[0]} and is no package; name a new or empty folder with -o")


def annotate(job: Build) -> list[dict[str, Any]]:
    """Annotate every source that is there; return the facts of those that gave images, by dir_name."""
    sources = _usable(job, present_sources(job.data, all_sources(job.only), job.options))
    simulated = is_simulated(job.data, job.options)
    facts: list[dict[str, Any]] = []
    tasks = [Task(source.dir_name, ((source.dir_name, root),), 1) for source, root in sources]
    function = functools.partial(_annotate_task, job.options, job.work, simulated)
    settings = dataclasses.replace(job.settings, time_limit=24 * _HOURS)
    with Progress("annotate", len(tasks), "sources") as progress:
        run_tasks(
            function,
            tasks,
            settings=settings,
            progress=progress,
            on_result=lambda _, found: facts.extend(found),
            on_poison=lambda item, reason, detail: log.error("%s: left out: %s %s", item[0], reason, detail),
        )
    for found in sorted(facts, key=lambda f: str(f["dir_name"])):
        _say_annotated(found)
    usable = sorted((f for f in facts if f["images"] and not f["error"]), key=lambda f: str(f["dir_name"]))
    if not usable:
        raise UserError(
            f"no image found in {job.data}; it should hold one folder a source, as `cytoimagenet sources` lists"
        )
    return usable


def _annotate_task(
    options: dict[str, Any], work: Store, simulated: bool, items: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    return [annotate_source(root, options, work, simulated, dir_name) for dir_name, root in items]


def _usable(job: Build, present: list[tuple[Source, str]]) -> list[tuple[Source, str]]:
    """Leave out sources whose licence forbids to publish changed images, and say so."""
    kept = []
    for source, root in present:
        if source.license.restricted and not job.include_restricted:
            log.warning(
                "%s: left out: its licence (%s) forbids to publish changed images; --include-restricted takes it",
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


def read_annotations(work: Store, dir_names: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Return columns of the annotations of these sources, one below the other."""
    tables = []
    for dir_name in dir_names:
        with work.open(annotations_path(dir_name)) as file:
            tables.append(pq.read_table(file, columns=list(columns)))
    return pa.concat_tables(tables) if tables else ANNOTATIONS.empty_table().select(list(columns))


def _stored(work: Store, marker: str, path: str, fingerprint: str, make: Callable[[], pa.Table]) -> pa.Table:
    """Return a table of WORK if it was made from the same, else make and store it."""
    if markers.is_done(work, marker, fingerprint) is not None and work.exists(path):
        with work.open(path) as file:
            return pq.read_table(file)
    table = make()
    with work.writing(path) as file:
        pq.write_table(table, file, compression="zstd")
    markers.mark_done(work, marker, fingerprint, rows=table.num_rows)
    return table


def label(job: Build, annotated: list[dict[str, Any]]) -> pa.Table:
    """Give labels to the annotated images (schema ``ASSIGNMENTS``)."""
    dir_names = [str(found["dir_name"]) for found in annotated]
    made_from = [str(found["fingerprint"]) for found in annotated]
    fingerprint = markers.fingerprint("label", *made_from, job.recipe.fingerprint("label"), code_version("label"))

    def make() -> pa.Table:
        return assign_labels(read_annotations(job.work, dir_names, _LABEL_COLUMNS), job.recipe)

    assignments = _stored(job.work, "label", ASSIGNMENTS_PATH, fingerprint, make)
    classes = len(set(assignments["label"].to_pylist()))
    log.info("label: %s images in %s classes", f"{assignments.num_rows:,}", f"{classes:,}")
    if not assignments.num_rows:
        raise UserError(
            f"no token has {job.recipe.min_images} images, so there is no class; lower it with --set min_images=N"
        )
    return assignments.cast(ASSIGNMENTS)


def standardize_images(job: Build, items: list[standardize.Item]) -> None:
    """Make the pictures that no finished part holds yet."""
    fingerprint = standardize.pixels_fingerprint(job.recipe)
    have = standardize.covered(job.work, fingerprint)
    missing = [item for item in items if (item.idx, item.crops, item.stamp) not in have]
    if not missing:
        log.info("standardize: all %s images are there", f"{len(items):,}")
        return
    log.info("standardize: %s of %s images to do", f"{len(missing):,}", f"{len(items):,}")
    with Progress("standardize", len(missing), "images") as progress:
        run_tasks(
            standardize.part_function(job.data, job.options, job.work, job.recipe),
            standardize.part_tasks(missing, job.recipe.part_images),
            settings=job.settings,
            progress=progress,
            on_result=lambda _, __: None,
            on_poison=lambda item, reason, detail: standardize.poisoned(job.work, fingerprint, item, reason, detail),
        )


def select_pictures(
    job: Build, annotated: list[dict[str, Any]], assignments: pa.Table, items: list[standardize.Item]
) -> Selected:
    """Choose the pictures of the package, their split, names, shards and order."""
    rows = standardize.rows_of(job.work, job.recipe, items)
    columns = [name for name in ANNOTATIONS.names if name not in ("files", "planes", "region", "stamp")]
    dir_names = [str(found["dir_name"]) for found in annotated]
    annotations = read_annotations(job.work, dir_names, columns)
    selected = select(rows, assignments, annotations, job.recipe)
    if not selected.selection.num_rows:
        raise UserError(
            f"no class has {job.recipe.min_class_size} pictures after quality control; "
            "lower it with --set min_class_size=N"
        )
    shard.write_selection(job.work, selected.selection)
    log.info("select: %s pictures, %s dropped", f"{selected.selection.num_rows:,}", f"{selected.rejects.num_rows:,}")
    return selected


def write_package(job: Build, package: Store, sources: Sequence[Source], selected: Selected) -> dict[str, Any]:
    """Write the shards that are not there yet, remove those of an earlier build, and finish the package.

    ``sources`` are the facts of every source that gave a picture; others among them do no harm.
    """
    plan = list(shard.shard_tasks(selected.selection))
    wanted = {shard.shard_path(task.name, job.file_format) for task in plan}
    shard.retire(job.work, package, wanted)
    facts: dict[str, dict[str, Any]] = {}
    with Progress("shard", selected.selection.num_rows, "pictures") as progress:
        run_tasks(
            functools.partial(shard.write_shard, job.work, package, job.recipe, job.file_format),
            plan,
            settings=dataclasses.replace(job.settings, time_limit=_HOURS),
            progress=progress,
            on_result=lambda _, written: facts.update(written),
            on_poison=_shard_failed,
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
        if all(package.exists(path) for path in manifest["files"]):
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
