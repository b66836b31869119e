"""The stages one after another: what `build` does. Each says what it did, or that there was nothing to do."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.errors import UserError
from builder.schema import ANNOTATIONS, ASSIGNMENTS
from builder.sources import get_source
from builder.stages.annotate.annotate_source import annotations_path
from builder.stages.annotate.run import annotate
from builder.stages.context import BuildContext
from builder.stages.disk_space import refuse_without_room
from builder.stages.label.assign import assign_labels, columns_needed
from builder.stages.select.choose import check_sizes, select
from builder.stages.select.store import StoredSelection, find_selection, store_selection
from builder.stages.shard.eviction import lost_images
from builder.stages.shard.write_package import require_empty_or_package, to_write, write_package
from builder.stages.standardize import make_parts as standardize
from builder.stages.standardize import part_rows
from builder.stages.standardize import parts as standardize_parts
from builder.stages.standardize.faulty_files import shared_files
from builder.stages.standardize.precompile import compile_passes, is_compiled
from builder.stages.tables import read_columns
from builder.stages.versions import code_version

log = logging.getLogger(__name__)

ASSIGNMENTS_PATH = "assignments.parquet"


def build(job: BuildContext, package: Store) -> dict[str, Any]:
    """Make the package; what is there already, from the same inputs, recipe and code, is not made again.

    Returns
    -------
    dict: the package's manifest

    Raises
    ------
    UserError
        Where there is nothing to build from, or no class is left.
    """
    check_sizes(job.recipe)
    require_empty_or_package(package, job.work)
    annotated = annotate(job)
    stored = _selected(job, package, annotated)
    pa.default_memory_pool().release_unused()  # the tables of a million rows that are done with
    sources = [get_source(str(found["dir_name"])) for found in annotated]
    return write_package(job, package, sources, stored)


def _selected(job: BuildContext, package: Store, annotated: list[dict[str, Any]]) -> StoredSelection:
    """Label, make examples and select, as far as that is not done."""
    assignments = label(job, annotated)
    stored = find_selection(job.work, _selected_from(job, annotated))
    if stored is None:
        images = standardize.wanted_images(job.work, assignments)
        standardize_images(job, package, images)
        stored = select_candidates(job, annotated, assignments, images)
    log_selection(stored)
    return restore_lost(job, package, annotated, assignments, stored)


def read_annotations(work: Store, dir_names: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Return columns of the annotations of these sources, one below the other."""
    tables = []
    for dir_name in dir_names:
        with work.open(annotations_path(dir_name)) as file:
            tables.append(read_columns(file, columns))
    return pa.concat_tables(tables) if tables else ANNOTATIONS.empty_table().select(list(columns))


def read_assigned(work: Store, assignments: pa.Table) -> pa.Table:
    """Return the annotations of the assigned images, without what leads to their files."""
    columns = [
        name for name in ANNOTATIONS.names if name not in ("size", "files", "planes", "region", "file_signature")
    ]
    tables = []
    for dir_name in pc.unique(assignments["dir_name"]).to_pylist():
        mine = assignments["idx"].filter(pc.equal(assignments["dir_name"], dir_name)).combine_chunks()
        table = read_annotations(work, [dir_name], columns)
        tables.append(table.filter(pc.is_in(table["idx"], value_set=mine)))
    return pa.concat_tables(tables).unify_dictionaries()


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


def _labelled_from(job: BuildContext, annotated: list[dict[str, Any]]) -> str:
    made_from = [str(found["fingerprint"]) for found in annotated]
    return markers.fingerprint("label", *made_from, job.recipe.fingerprint("label"), code_version("label"))


def label(job: BuildContext, annotated: list[dict[str, Any]]) -> pa.Table:
    """Give labels to the annotated images (schema ``ASSIGNMENTS``)."""
    dir_names = [str(found["dir_name"]) for found in annotated]

    def make() -> pa.Table:
        return assign_labels(read_annotations(job.work, dir_names, columns_needed(job.recipe)), job.recipe)

    assignments = _stored(job.work, "label", ASSIGNMENTS_PATH, _labelled_from(job, annotated), make)
    classes = len(pc.unique(assignments["label"]))
    log.info("label: %s images in %s classes", f"{assignments.num_rows:,}", f"{classes:,}")
    if not assignments.num_rows:
        raise UserError(
            f"no token has {job.recipe.min_images} images, so there is no class; lower it with --set min_images=N"
        )
    return assignments.cast(ASSIGNMENTS)


def standardize_images(job: BuildContext, package: Store, images: pa.Table) -> None:
    """Make the examples that no finished part holds yet."""
    fingerprint = standardize.pixels_fingerprint(job.recipe)
    job.work.write_bytes(standardize_parts.PRESENT, fingerprint.encode())
    missing = part_rows.without(images, part_rows.covered(job.work, fingerprint))
    if not missing.num_rows:
        log.info("standardize: all %s images are there", f"{images.num_rows:,}")
        return
    refuse_without_room(job, package, images, missing)
    log.info("standardize: %s of %s images to do", f"{missing.num_rows:,}", f"{images.num_rows:,}")
    pa.default_memory_pool().release_unused()  # what labelling and comparing took, before hours of examples
    make_candidates(job, images, missing)


def make_candidates(job: BuildContext, images: pa.Table, missing: pa.Table) -> None:
    """Make the examples of some images; ``images`` are all of the build."""
    fingerprint = standardize.pixels_fingerprint(job.recipe)
    if not is_compiled():
        log.info("the passes over pixels are compiled first, once on this machine: half a minute or less")
    job.run(
        Progress("standardize", missing.num_rows, "images"),
        standardize.part_function(job.data, job.options, job.work, job.recipe),
        standardize.part_tasks(standardize.items_of(job.work, missing), job.recipe.part_images),
        on_result=lambda _, __: None,
        on_poison=lambda item, reason, detail: standardize.poisoned(job.work, fingerprint, item, reason, detail),
        shared=shared_files(job.work, fingerprint, images),
        prepare=compile_passes,
    )


def _selected_from(job: BuildContext, annotated: list[dict[str, Any]]) -> str:
    """Hash what a selection is made from: labels, the rows of all parts, the recipe, the code."""
    sizes = job.work.sizes(standardize_parts.FOLDER)
    rows = json.dumps([(path, size) for path, size in sizes.items() if path.endswith(".parquet")])
    return markers.fingerprint(
        "select",
        _labelled_from(job, annotated),
        standardize.pixels_fingerprint(job.recipe),
        rows,
        job.recipe.fingerprint("select"),
        code_version("select"),
    )


def select_candidates(
    job: BuildContext, annotated: list[dict[str, Any]], assignments: pa.Table, images: pa.Table
) -> StoredSelection:
    """Choose the examples of the package, their split, names, shards and order."""
    made_from = _selected_from(job, annotated)
    rows = part_rows.rows_of(job.work, standardize.pixels_fingerprint(job.recipe), images)
    selected = select(rows, assignments, read_assigned(job.work, assignments), job.recipe)
    if not selected.selection.num_rows:
        raise UserError(
            f"no class has {job.recipe.min_class_size} examples after quality control; "
            "lower it with --set min_class_size=N"
        )
    return store_selection(job.work, selected, made_from)


def restore_lost(
    job: BuildContext, package: Store, annotated: list[dict[str, Any]], assignments: pa.Table, stored: StoredSelection
) -> StoredSelection:
    """Make examples again that left WORK (``frugal``) and that a shard needs which is not there, or not the same."""
    lost = lost_images(job.work, stored, to_write(job, package, stored)[0])
    if not len(lost):
        return stored
    images = standardize.wanted_images(job.work, assignments)
    missing = images.filter(pc.is_in(images["idx"], value_set=lost))
    refuse_without_room(job, package, images, missing)
    log.info("standardize: %s images again, whose examples have left WORK", f"{missing.num_rows:,}")
    make_candidates(job, images, missing)
    stored = select_candidates(job, annotated, assignments, images)
    if len(lost_images(job.work, stored, to_write(job, package, stored)[0])):
        raise UserError(f"examples vanish from {job.work.url}: does another program clean it? Run the same again")
    return stored


def log_selection(stored: StoredSelection) -> None:
    """Say how many examples the package will hold."""
    log.info("select: %s examples, %s dropped", f"{stored.examples:,}", f"{stored.rejected:,}")
