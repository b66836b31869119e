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

from builder.code_version import code_version
from builder.engine import markers
from builder.engine.parquet import parquet_writer
from builder.engine.store import Store
from builder.sources import adapter_code, source_at
from builder.sources.base import Image, Source
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.packed import plain_name
from builder.sources.common.tables import NOTHING_JOINED
from builder.stages import work_files
from builder.stages.annotate.adapter_errors import AdapterError, blamed
from builder.stages.annotate.rows import rows_of, rows_schema

_BATCH = 20_000


def image_number(key: str) -> str:
    """Return an image's number in ``idx`` from its key.

    It is 56 bits of the key's sha256, the same in every download, in 17 digits: the hub's viewer cannot count texts of
    just two neighbouring lengths.
    """
    return f"{_number(key):017d}"


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:7], "big")


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
        parquet_writer(file, rows_schema(source), compression="zstd", use_dictionary=True) as writer,
    ):
        found = _unique(source.images(folder), seen, folder)
        while batch := list(islice(found, _BATCH)):
            numbers, some = zip(*batch, strict=True)
            writer.write_table(rows_of(some, numbers, source, folder, simulated))
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


def _unique(images: Iterable[Image], seen: set[int], folder: Folder) -> Iterator[tuple[int, Image]]:
    """Yield each image with its number.

    A key that comes again (a copy of a file, a doubled row) is noted, not kept.
    """
    for image in images:
        number = _number(image.key)
        if number in seen:  # which take half the memory of texts
            folder.notes.add("duplicate keys", image.key)
        elif not image.channels:
            folder.notes.add("images without a file", image.key)
        else:
            seen.add(number)
            yield number, image
