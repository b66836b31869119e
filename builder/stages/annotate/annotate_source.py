"""Stage 1: each source's images as rows of one table.

See method, section 1. Pixels are never read.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import traceback
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from builder import vocabulary
from builder.code_version import code_version
from builder.engine import markers
from builder.engine.parquet import parquet_writer
from builder.engine.store import Store
from builder.schema import ANNOTATIONS, CATEGORIES, EXTRA_TYPES, TOKEN_SEPARATOR, extra_problem, with_extras
from builder.sources import adapter_code, source_at
from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.packed import plain_name
from builder.sources.common.tables import NOTHING_JOINED
from builder.stages import work_files
from builder.stages.annotate.adapter_errors import AdapterError, blamed

_BATCH = 20_000
SHARED_GROUP = "shared:"


def image_number(key: str) -> str:
    """Return an image's number in ``idx`` from its key.

    It is 56 bits of the key's sha256, the same in every download, in 17 digits: the hub's viewer cannot count texts of
    just two neighbouring lengths.
    """
    return f"{int.from_bytes(hashlib.sha256(key.encode('utf-8', 'surrogatepass')).digest()[:7], 'big'):017d}"


def annotate_source(root: str, options: dict[str, Any], work: Store, simulated: bool, dir_name: str) -> dict[str, Any]:
    """Write the rows of one source unless they are current.

    Current rows were made from the same files and code.

    Returns
    -------
    dict with ``dir_name``, ``images``, ``files``, ``contents`` (kinds of files, for people), ``notes`` (kind -> count),
    ``examples`` (kind -> first few), ``fresh`` (False if nothing was to do), ``fingerprint``, ``error`` where the
    source must be left out (an unknown layout, no image, none of the tables, a bug), ``traceback`` of a bug
    """
    source = source_at(root, dir_name, options)
    folder = Folder.listed(root, options)
    code = code_version(annotate_source) + adapter_code(dir_name)
    fingerprint = markers.fingerprint("annotate", dir_name, folder.state(), code, str(simulated))
    marker = f"annotate/{dir_name}"
    facts = markers.is_done(work, marker, fingerprint)
    if facts is not None and (facts["error"] or work.exists(work_files.annotations_path(dir_name))):
        return {**facts, "dir_name": dir_name, "fingerprint": fingerprint, "fresh": False, "traceback": ""}
    error, trace, images = "", "", 0
    try:
        with blamed(source, folder):
            images = _write_rows(source, folder, work, simulated)
        error = _lacking(source, folder, images)
    except LayoutError as found:
        error = str(found)
    except AdapterError as found:
        error, trace = str(found), "".join(traceback.format_exception(found.__cause__))
    if not trace and folder.holds_only_texts():
        error = ""  # whatever it was: there is no image that it could concern
    facts = {"images": images, "files": len(folder), "contents": folder.contents(), "error": error}
    facts |= {"notes": folder.notes.counts, "examples": folder.notes.examples}
    if not trace:  # a bug may lie outside of what the fingerprint knows: it is tried again
        markers.mark_done(work, marker, fingerprint, **facts)
    return {**facts, "dir_name": dir_name, "fingerprint": fingerprint, "fresh": True, "traceback": trace}


def _lacking(source: Source, folder: Folder, images: int) -> str:
    """Return why a source that was read is unusable.

    Its files hold no image, or none of the tables of its labels is there.
    """
    if not images:
        return f"{folder.root}: no image that can be read was found; it holds {folder.contents()}"
    if NOTHING_JOINED in folder.notes.counts:
        row, tables = folder.notes.examples[NOTHING_JOINED][0], ", ".join(sorted(folder.tables)) or "a table"
        return f"{folder.root}: {images:,} images and {tables}, but no row of it is of an image; the first row is {row}"
    if not folder.tables or any(folder.tables.values()):
        return ""
    names = sorted(folder.tables)
    urls = [d.url for d in source.downloads if plain_name(d.url.rpartition("/")[2]).lower() in map(str.lower, names)]
    where = f"; get them from {', '.join(urls)}" if urls else ""
    return (
        f"{folder.root}: {images:,} images but none of the tables that say what they show ({', '.join(names)}), "
        f"plain or packed, at any depth{where}"
    )


def _write_rows(source: Source, folder: Folder, work: Store, simulated: bool) -> int:
    images = 0
    seen: set[int] = set()
    with (
        _collector_paused(),
        work.writing(work_files.annotations_path(source.dir_name)) as file,
        parquet_writer(file, _schema(source), compression="zstd", use_dictionary=True) as writer,
    ):
        found = _unique(source.images(folder), seen, folder)
        while batch := list(islice(found, _BATCH)):
            writer.write_table(_table(batch, source, folder, simulated))
            images += len(batch)
    return images


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector while rows are created.

    Rows by the million form no cycles, and each search walks all that is kept.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _unique(images: Iterable[Image], seen: set[int], folder: Folder) -> Iterator[tuple[str, Image]]:
    """Yield each image with its number.

    A key that comes again (a copy of a file, a doubled row) is noted, not kept.
    """
    for image in images:
        number = image_number(image.key)
        if int(number) in seen:  # which take half the memory of texts
            folder.notes.add("duplicate keys", image.key)
        elif not image.channels:
            folder.notes.add("images without a file", image.key)
        else:
            seen.add(int(number))
            yield number, image


def _table(batch: list[tuple[str, Image]], source: Source, folder: Folder, simulated: bool) -> pa.Table:
    """Return normalised rows of a batch, schema ``_schema(source)``."""
    count = len(batch)
    constants = {column: vocabulary.normalize(column, value) for column, value in source.constants.items()}
    license_id = licenses.SIMULATED.id if simulated else source.license.id
    columns: dict[str, Any] = {
        "idx": [f"{source.dir_name}-{number}" for number, _ in batch],
        "key": [image.key for _, image in batch],
        "database": [source.database] * count,
        "name": [f"{source.name} (simulated)" if simulated else source.name] * count,
        "dir_name": [source.dir_name] * count,
        "channels": [TOKEN_SEPARATOR.join(c.shows for c in image.channels) for _, image in batch],
        "size": [None if image.size is None else list(image.size) for _, image in batch],
        "files": [[c.path for c in image.channels] for _, image in batch],
        "planes": [[c.plane for c in image.channels] for _, image in batch],
        "region": [None if image.region is None else list(image.region) for _, image in batch],
        "group": [_unit(source.dir_name, image.group) for _, image in batch],
        "batch": [None if image.batch is None else _unit(source.dir_name, image.batch) for _, image in batch],
        "single_object": [source.single_object or image.single_object for _, image in batch],
        "well": [image.well for _, image in batch],
        "control": [image.control for _, image in batch],
        "pixel_size_um": [
            source.pixel_size_um if image.pixel_size_um is None else image.pixel_size_um for _, image in batch
        ],
        "timepoint": [image.timepoint for _, image in batch],
        "z": [image.z for _, image in batch],
        "license": [license_id] * count,
        "file_signature": [_signature(folder, image) for _, image in batch],
    }
    for column in (*CATEGORIES, "microscopy"):
        fallback = constants.get(column)
        position = Image._fields.index(column)
        values = (image[position] for _, image in batch)
        columns[column] = [fallback if v is None else vocabulary.normalize(column, v) for v in values]
    for name in source.extra:
        columns[name] = [None if image.extra is None else image.extra.get(name) for _, image in batch]
    return pa.table(columns, schema=_schema(source))


def _schema(source: Source) -> pa.Schema:
    """Return ``ANNOTATIONS`` with the columns that a source adds.

    Raises
    ------
    LayoutError
        For a column that cannot be added.
    """
    for name, extra in source.extra.items():
        if problem := extra_problem(name, extra.type):
            raise LayoutError(f"{source.dir_name}: {problem}")
    added = [pa.field(name, EXTRA_TYPES[source.extra[name].type]) for name in sorted(source.extra)]
    return with_extras(ANNOTATIONS, added)


def _signature(folder: Folder, image: Image) -> int:
    """Return a hash of the image's files and read parameters.

    The parameters are planes, box and stated size.
    """
    paths, planes = [channel.path for channel in image.channels], [channel.plane for channel in image.channels]
    taken = repr((paths, planes, image.region and tuple(image.region), image.size and tuple(image.size)))
    digest = hashlib.blake2b(taken.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return folder.file_signature(paths) ^ int.from_bytes(digest, "big") >> 1


def _unit(dir_name: str, name: str) -> str:
    """Return a group's or batch's name, unique among all sources.

    Those that several sources hold keep their names.
    """
    return name if name.startswith(SHARED_GROUP) else f"{dir_name}:{name}"
