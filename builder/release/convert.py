"""Conversion of the published release to a package.

It keeps the examples, labels, windows and names; the split, shards and checks are ours. The examples go through WORK as
those of a build do: parts of PNGs and one row each, which the shard stage reads. An 8-bit grey PNG is kept byte for
byte, once its pixels could be read. Nothing is drawn away and no class is dropped for its size: that was done when the
release was made.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from builder.code_version import code_version
from builder.engine import markers
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.manifest import Manifest
from builder.recipe import Recipe
from builder.release.read import Release, read_release
from builder.release.read_images import ReadImages, images_of
from builder.release.select import select_released
from builder.sources.common.folder import Folder, LayoutError, Notes
from builder.stages.context import BuildContext
from builder.stages.finish import Finish
from builder.stages.select.report import split_warnings
from builder.stages.select.store import StoredSelection, store_selection
from builder.stages.select.thumbnails import write_fingerprints
from builder.stages.shard.package_files import require_empty_or_package
from builder.stages.shard.stage import Shard
from builder.stages.stage import Facts, carry_out
from builder.stages.standardize.not_tried import FaultPolicy
from builder.stages.standardize.part_rows import rows_of
from builder.stages.standardize.stage import Parts

log = logging.getLogger(__name__)


def convert(context: BuildContext, package: Store) -> Manifest:
    """Make a package of the release in ``context.data``.

    What is there already is not made again. Sources whose licence forbids publishing changed images are left out,
    unless ``include_restricted`` is set; ``only`` does not count. Of the recipe ``seed``, ``validation_share``,
    ``size``, ``max_pixels`` and the numbers of shards and batches do.

    Returns
    -------
    the package's manifest; its ``report.release`` is described in ``builder.release.facts``

    Raises
    ------
    UserError
        Where the folder holds no release, or no example of it can be used.
    """
    data, work, recipe = context.data_store, context.work, context.recipe
    require_empty_or_package(package, work)
    folder, release = _read(data)
    made_from = markers.fingerprint(folder.state(), str(context.include_restricted), code_version(read_release))
    if not context.include_restricted:
        release = _without_restricted(release, folder)
    _log_release(release, folder)

    faults = FaultPolicy(context.skip_unreadable, context.retry_rejects)
    with context.workers() as runner:
        parts = carry_out(ReadImages(data, work, recipe, runner, release, made_from, faults))
        selection = carry_out(SelectReleased(work, recipe, release, folder.notes, parts, made_from))
        shards = carry_out(Shard(work, package, recipe, runner, context.file_format, selection))
    sources = [release.sources.of(name) for name in selection.dir_names]
    return carry_out(Finish(work, package, recipe, context.file_format, selection, shards, sources))


@dataclasses.dataclass(frozen=True)
class SelectReleased:
    """The stage that selects the package's examples.

    ``made_from`` is the hash of what the release's rows were made from.
    """

    work: Store
    recipe: Recipe
    release: Release
    notes: Notes
    parts: Parts
    made_from: str
    name: ClassVar[str] = "select"

    def fingerprint(self) -> str:
        """Return the hash of all inputs, recipe and code.

        The inputs are the release's rows and the rows of all parts.
        """
        return markers.fingerprint(
            "select released",
            self.made_from,
            self.parts.pixels,
            self.parts.rows,
            self.parts.not_tried.fingerprint,
            self.recipe.fingerprint("select"),
            code_version(select_released, rows_of, store_selection),
        )

    def find(self, facts: Facts) -> StoredSelection | None:
        """Return the selection of an earlier run."""
        return StoredSelection.find(self.work, facts)

    def run(self) -> tuple[StoredSelection, Facts]:
        """Choose, and store the selection and the rejects.

        Raises
        ------
        UserError
            Where no image can be read.
        """
        not_tried = self.parts.not_tried
        rows = rows_of(self.work, self.parts.pixels, not_tried.without(images_of(self.release)))
        rows = not_tried.with_rows(rows)
        selected = select_released(self.release, rows, self.notes, self.recipe)
        if not selected.selection.num_rows:
            count = self.release.rows.num_rows
            raise UserError(f"the release: none of the {count} examples that its table names can be read")
        found = selected.report["release"]
        log.info(
            "duplicates left out: %s under the same label, %s under another one",
            f"{found['duplicates']['same_label']:,}",
            f"{found['duplicates']['other_label']:,}",
        )
        if found["original_split"]:
            both = f"{found['original_split']['both_sides']:,}"
            log.info("the release's own split had %s source images on both sides; this one has none", both)
        for line in split_warnings(selected.report["split"]):
            log.warning("select: %s", line)
        wholes = pa.table({"sha256": rows["sha256"], "idx": rows["idx"]})
        kept = pc.is_in(wholes["sha256"], value_set=pc.unique(selected.selection["sha256"]).drop_null())
        write_fingerprints(self.work, self.parts.pixels, wholes.filter(kept))
        return store_selection(self.work, selected)

    def describe(self, result: StoredSelection) -> str:
        """Return how many examples the package will hold."""
        return f"{result.examples:,} examples; {result.report['release']['unreadable']:,} unreadable"


def _read(data: Store) -> tuple[Folder, Release]:
    try:
        folder = Folder.listed(data.url, data.options)
        return folder, read_release(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{data.url} is not a folder; name the one that holds metadata.csv and the class folders"
        ) from None
    except LayoutError as error:
        raise UserError(f"{error}; name the folder that holds metadata.csv and the class folders") from None


def _without_restricted(release: Release, folder: Folder) -> Release:
    """Leave out and count sources with a restrictive licence.

    Such a licence forbids publishing changed images; a note and a warning say so.
    """
    rows = release.rows
    for dir_name in sorted(set(rows["dir_name"].to_pylist())):
        terms = release.sources.of(dir_name).license
        if terms.restricted:
            mine = pc.equal(rows["dir_name"], dir_name)
            count = pc.sum(mine).as_py()
            rows = rows.filter(pc.invert(mine))
            folder.notes.add("examples under licences that forbid publishing changed images", dir_name, count)
            log.warning(
                "%s: %s examples left out: its licence (%s) forbids publishing changed images; "
                "--include-restricted takes them",
                dir_name,
                f"{count:,}",
                terms.name,
            )
    return release._replace(rows=rows)


def _log_release(release: Release, folder: Folder) -> None:
    log.info("release: %s examples", f"{release.rows.num_rows:,}")
    for kind, count in sorted(folder.notes.counts.items()):
        log.warning("release: %s %s, for instance %s", f"{count:,}", kind, "; ".join(folder.notes.examples[kind][:3]))
