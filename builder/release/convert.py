"""The published release as a package: its examples, labels, windows and names, our split, shards and checks.

The examples go through WORK as those of a build do: parts of PNGs and one row each, which the shard stage reads.
An 8-bit grey PNG is kept byte for byte, once its pixels could be read. Nothing is drawn away and no class is dropped
for its size: that was done when the release was made.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.engine import markers
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.errors import RejectedError, UserError
from builder.pixels import quality, standardize
from builder.pixels.read import read
from builder.recipe import Recipe
from builder.release.read import Release, read_release
from builder.release.select import select_released
from builder.sources.common.folder import Folder, LayoutError
from builder.stages.context import BuildContext
from builder.stages.select.store import store_selection
from builder.stages.shard.write_package import require_empty_or_package, write_package
from builder.stages.standardize.make_parts import Item, made_from, part_tasks, poisoned, rejected_row
from builder.stages.standardize.part_rows import covered, rows_of, without
from builder.stages.standardize.parts import write_part
from builder.stages.versions import code_version
from cytoimagenet_reader.png import encoder

log = logging.getLogger(__name__)

_FOLDER: Final = "release"  # of its parts, beside those of sources
_GREY_HEADER: Final = b"\x08\x00"  # bit depth, colour type: https://www.w3.org/TR/png-3/#11IHDR
_END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
_READ_AT_ONCE: Final = 32


def convert(job: BuildContext, package: Store) -> dict[str, Any]:
    """Make a package of the release in ``job.data``; what is there already is not made again.

    Sources whose licence forbids publishing changed images are left out, unless ``include_restricted`` of the job is
    set; its ``only`` does not count. Of its recipe
    ``seed``, ``validation_share``, ``size``, ``max_pixels`` and the numbers of shards and batches do.

    Returns
    -------
    dict: the package's manifest; its ``report.release`` is described in ``builder.release.facts``

    Raises
    ------
    UserError
        Where the folder holds no release, or no example of it can be used.
    """
    require_empty_or_package(package, job.work)
    try:
        folder = Folder.listed(job.data, job.options)
        release = read_release(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{job.data} is no folder; name the one that holds metadata.csv and the class folders"
        ) from None
    except LayoutError as error:
        raise UserError(f"{error}; name the folder that holds metadata.csv and the class folders") from None
    if not job.include_restricted:
        release = _without_restricted(release, folder)
    _say_read(release, folder)
    parts = _read_images(job, release)
    selected = select_released(release, parts, folder.notes, job.recipe)
    if not selected.selection.num_rows:
        raise UserError(f"{job.data}: none of the {release.rows.num_rows} examples that its table names can be read")
    _say_selected(selected.report["release"], selected.selection.num_rows)
    stored = store_selection(job.work, selected, markers.fingerprint("convert"))
    return write_package(job, package, [release.sources.of(name) for name in stored.dir_names], stored)


def _without_restricted(release: Release, folder: Folder) -> Release:
    """Leave out sources whose licence forbids publishing changed images, count them and say so."""
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


def _read_images(job: BuildContext, release: Release) -> pa.Table:
    """Bring every example into a part, unless one holds it; return the parts' rows, ``idx`` being the file."""
    fingerprint = markers.fingerprint("release", job.recipe.fingerprint("standardize"), code_version("release"))
    count = release.rows.num_rows
    images = pa.table(
        {
            "idx": release.rows["file"].cast(pa.string()),
            "dir_name": pa.array([_FOLDER] * count, pa.string()),
            "crops": pa.array([0] * count, pa.int8()),
            "file_signature": release.rows["file_signature"].cast(pa.int64()),
        }
    )
    missing = without(images, covered(job.work, fingerprint))
    log.info("read: %s of %s examples to do", f"{missing.num_rows:,}", f"{count:,}")
    job.run(
        Progress("read", missing.num_rows, "examples"),
        functools.partial(read_part, Store(job.data, job.options), job.work, job.recipe, fingerprint),
        part_tasks(_items(missing), job.recipe.part_images),
        on_result=lambda _, __: None,
        on_poison=lambda item, reason, detail: poisoned(job.work, fingerprint, item, reason, detail),
    )
    return rows_of(job.work, fingerprint, images)


def _items(missing: pa.Table) -> Iterator[Item]:
    ordered = missing.sort_by("idx")
    for file, file_signature in zip(ordered["idx"].to_pylist(), ordered["file_signature"].to_pylist(), strict=True):
        yield Item(file, _FOLDER, (file,), (0,), None, 0, file_signature)


def read_part(release: Store, work: Store, recipe: Recipe, fingerprint: str, items: Sequence[Item]) -> int:
    """Make one part of released examples; return how many could be read."""
    rows: list[dict[str, Any]] = []
    examples: list[bytes] = []
    for start in range(0, len(items), _READ_AT_ONCE):
        some = items[start : start + _READ_AT_ONCE]
        for item, content in zip(some, _contents(release, [item.idx for item in some]), strict=True):
            row = rejected_row(item, "", "")
            try:
                kept, facts, note = read_published_image(content, recipe)
            except RejectedError as refused:
                rows.append({**row, "reason": refused.reason, "detail": refused.detail or None})
                continue
            found = {"bytes": len(kept), "row": len(examples), "reason": None, "detail": note}
            rows.append({**row, **facts, **found})
            examples.append(kept)
    write_part(work, fingerprint, items[0].dir_name, map(made_from, items), rows, examples)
    return len(examples)


def read_published_image(content: bytes | OSError, recipe: Recipe) -> tuple[bytes, dict[str, Any], str | None]:
    """Return the PNG that the package holds for a released file, its ``schema.STATISTICS``, and what was changed.

    Raises
    ------
    RejectedError
        Where the file cannot be read, or is no 8-bit grey example and cannot be made one.
    """
    if isinstance(content, OSError):
        raise RejectedError("unreadable", f"{type(content).__name__}: {content.strerror or 'cannot be read'}")
    pixels = read(content, max_pixels=recipe.max_pixels)
    note = None
    if content[24:26] != _GREY_HEADER or not content.startswith(b"\x89PNG") or not content.endswith(_END):
        note = f"was no plain 8-bit grey PNG ({pixels.dtype}, {pixels.ndim} axes), written anew"
        if pixels.ndim != 2 or pixels.dtype != np.uint8:
            pixels = standardize([pixels])
        content = encoder.encode(pixels)
    return content, quality.statistics(pixels, quality.histogram(pixels), recipe), note


def _contents(release: Store, files: list[str]) -> Iterator[bytes | OSError]:
    """Yield the content of each file, or why it could not be had; remote reads overlap."""
    try:
        found = release.read_many(files)
    except OSError:
        found = {}  # one of them: read singly below
    for file in files:
        try:
            yield found[file] if file in found else release.read_bytes(file)
        except OSError as error:
            yield error


def _say_read(release: Release, folder: Folder) -> None:
    log.info("release: %s examples", f"{release.rows.num_rows:,}")
    for kind, count in sorted(folder.notes.counts.items()):
        log.warning("release: %s %s, for instance %s", f"{count:,}", kind, "; ".join(folder.notes.examples[kind][:3]))


def _say_selected(found: Mapping[str, Any], examples: int) -> None:
    duplicates = found["duplicates"]
    log.info("select: %s examples; %s unreadable", f"{examples:,}", f"{found['unreadable']:,}")
    log.info(
        "duplicates left out: %s under the same label, %s under another one",
        f"{duplicates['same_label']:,}",
        f"{duplicates['other_label']:,}",
    )
    if found["original_split"]:
        both = found["original_split"]["both_sides"]
        log.info("the release's own split had %s source images on both sides; this one has none", f"{both:,}")
