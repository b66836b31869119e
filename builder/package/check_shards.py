"""Checks of data files against manifest and ``metadata.parquet``.

Down to the header of each PNG.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, UnidentifiedImageError

from builder.engine.store import Store
from builder.package.check_fingerprints import thumbnails_of, whole_fault
from builder.package.data_files import opened
from builder.package.features import schema_of
from builder.package.intensity import Intensity
from builder.package.manifest import Manifest
from builder.package.problem import Problem
from builder.recipe import Recipe
from builder.schema import METADATA, SPLITS, with_extras
from cytoimagenet_reader.arrow_checks import batch_offsets, stream_batches
from cytoimagenet_reader.layout import FULL, METADATA_CONFIG, METADATA_TABLE, parse, shards_of
from cytoimagenet_reader.png.chunks import END, PngError, read_header

_NAMED_ROWS = 3


class _Stated(NamedTuple):
    """What ``metadata.parquet`` says of an example's pixels."""

    pixels_sha256: bytes | None
    sha256: str | None  # of its whole image
    crop: bool


_UNSTATED = _Stated(None, None, True)


class ShardTask(NamedTuple):
    """One data file to check.

    ``first`` is its first row of ``metadata.parquet``, None where that is unreadable.
    """

    path: str
    facts: Mapping[str, Any]
    first: int | None
    recipe: Recipe
    deep: bool
    fingerprints: bool = False  # whether the package has intact fingerprints, to compare whole images with
    classes: tuple[str, ...] | None = None  # of full, whose numbers the labels of Parquet are; None where unknown
    extras: tuple[pa.Field, ...] = ()  # columns that sources added, as the manifest states


def iter_shard(package: Store, task: ShardTask) -> Iterator[Problem]:
    """Yield problems with one data file.

    The content of a file whose bytes changed is not checked.
    """
    content = _content(package, task.path)
    if hashlib.sha256(content).hexdigest() != task.facts["sha256"]:
        yield Problem(task.path, "its bytes changed: sha256 differs from the manifest's")
        return
    try:
        batches = _batches(content, task.path)
    except (pa.ArrowException, ValueError, OSError) as error:
        yield Problem(task.path, f"cannot be read: {error}")
        return
    if not batches:
        yield Problem(task.path, "holds no rows")
        return
    places = {name: task.facts[name] for name in ("batch_offsets", "footer_offset") if name in task.facts}
    if places and places != _places(content, task.path):
        yield Problem(task.path, "its record batches do not begin where the manifest's batch_offsets say")
    if other_classes(content, task):
        yield Problem(task.path, "its labels are not the numbers of the classes of full, as the card says")
    expected = expected_rows(package, task)
    thumbnails: dict[str, bytes] = {}
    if task.deep and task.fingerprints and expected is not None and task.recipe.size == 0:
        thumbnails = thumbnails_of(package, expected["sha256"].filter(pc.invert(expected["crop"])).to_pylist())
    for what in _findings(task, batches, pa.Table.from_batches(batches), expected, thumbnails):
        yield Problem(task.path, what)


def _places(content: pa.Buffer, path: str) -> dict[str, Any]:
    """Return where a file's record batches or row groups are."""
    if path.endswith(".arrow"):
        return {"batch_offsets": batch_offsets(content)}
    with opened(pa.BufferReader(content)) as parquet:
        begins, end = parquet.places()
    return {"batch_offsets": begins, "footer_offset": end}


def other_classes(content: pa.Buffer, task: ShardTask) -> bool:
    """Return whether a Parquet shard's class names differ from ``full``."""
    part = parse(task.path)
    if task.classes is None or part is None or part.format != "parquet" or part.config == METADATA_CONFIG:
        return False
    with opened(pa.BufferReader(content)) as parquet:
        return parquet.classes != list(task.classes)


def first_rows(manifest: Manifest) -> dict[str, int]:
    """Return each data file's first row in ``metadata.parquet``.

    The table is in the reading order of ``full``.
    """
    files = manifest["files"]
    found: dict[str, int] = {}
    rows = 0
    for split in SPLITS:
        for path in shards_of(files, METADATA_CONFIG, split):
            found[path] = rows
        for path in shards_of(files, FULL, split):
            found[path] = rows
            rows += files[path]["rows"]
    return found


def expected_rows(package: Store, task: ShardTask) -> pa.Table | None:
    """Return a file's rows of ``metadata.parquet``.

    Rows out of order, which are reported elsewhere, are found by name.
    """
    part = parse(task.path)
    if task.first is None or part is None:
        return None
    column, value = ("split", part.split) if part.config == METADATA_CONFIG else ("shard", task.path.rpartition(".")[0])
    start, end = task.first, task.first + task.facts["rows"]
    with package.open(METADATA_TABLE) as file, opened(file) as parquet:
        ends = np.cumsum([0, *parquet.rows])
        groups = np.flatnonzero((ends[:-1] < end) & (ends[1:] > start)).tolist()
        table = parquet.read(groups)
        table = table.slice(start - int(ends[groups[0]]), end - start) if groups else table
        if table.num_rows == end - start and pc.all(pc.equal(table[column], value)).as_py():
            return table
        table = parquet.read(range(len(parquet.rows)))
    return table.filter(pc.equal(table[column], value))


def _content(package: Store, path: str) -> pa.Buffer:
    local = package.local(path)
    if local is None:
        return pa.py_buffer(package.read_bytes(path))
    with pa.memory_map(local) as file:
        return file.read_buffer()


def _batches(content: pa.Buffer, path: str) -> list[pa.RecordBatch]:
    """Return a file's record batches or row groups, checked."""
    if path.endswith(".arrow"):
        return list(stream_batches(content)[1])
    with opened(pa.BufferReader(content)) as parquet:
        groups = [parquet.read([number]).combine_chunks() for number in range(len(parquet.rows))]
    return [batch for group in groups for batch in group.to_batches()]


def _findings(
    task: ShardTask,
    batches: list[pa.RecordBatch],
    table: pa.Table,
    expected: pa.Table | None,
    thumbnails: Mapping[str, bytes],
) -> Iterator[str]:
    part = parse(task.path)
    config = part.config if part else METADATA_CONFIG
    wanted = schema_of(config, task.extras)
    if not table.schema.equals(wanted):
        yield f"its columns are not those of builder.schema: {_difference(table.schema, wanted)}"
        return
    if table.num_rows != task.facts["rows"]:
        yield f"holds {table.num_rows} rows; the manifest says {task.facts['rows']}"
    names = with_extras(METADATA, task.extras).names
    if expected is not None and not table.select(names).equals(expected.select(names)):
        yield f"its rows differ from metadata.parquet{_first_difference(table, expected, names)}"
    if config == METADATA_CONFIG:
        return
    counts = [batch.num_rows for batch in batches]
    if task.facts.get("batch_rows", counts) != counts:
        yield "has other record batches than the manifest's batch_rows"
    largest = max(counts)
    if largest > task.recipe.batch_rows:
        yield f"has a record batch of {largest} rows; the recipe allows {task.recipe.batch_rows}"
    yield from _examples(task, batches, expected, thumbnails)


def _examples(
    task: ShardTask, batches: list[pa.RecordBatch], expected: pa.Table | None, thumbnails: Mapping[str, bytes]
) -> Iterator[str]:
    # A build that reduces examples keeps the statistics of the examples before.
    stated = expected if task.recipe.size == 0 else None
    sizes = None if stated is None else list(zip(*(stated[c].to_pylist() for c in ("width", "height")), strict=True))
    hashes = [] if stated is None or not task.deep else list(_stated_hashes(stated))
    bad: list[str] = []
    intensity = Intensity()
    row = 0
    for batch in batches:
        for example, name in zip(batch["image"].field("bytes"), batch["filename"], strict=True):
            png = example.as_py()
            what = png_fault(png, sizes[row] if sizes and row < len(sizes) else None)
            if what is None and task.deep:
                what = _pixel_fault(png, hashes[row] if row < len(hashes) else _UNSTATED, thumbnails, intensity)
            if what is not None:
                bad.append(f"row {row} ({name}) {what}")
            row += 1
    yield from bad[:_NAMED_ROWS]
    if len(bad) > _NAMED_ROWS:
        yield f"and {len(bad) - _NAMED_ROWS} more examples like these"
    if task.deep and not bad and any(task.facts.get(name, value) != value for name, value in intensity.facts().items()):
        yield "its pixels have another mean or mean square than the manifest says"


def png_fault(png: bytes | None, size: tuple[int, int] | None) -> str | None:
    """Return why bytes are no valid PNG of a package.

    A valid one is 8-bit grayscale of this (width, height), judged by its header and end; None if it is.
    """
    try:
        header = read_header(png or b"")
    except PngError:
        return "is no PNG"
    if (header.bits, header.colour) != (8, 0):
        return f"is no 8-bit grayscale PNG: bit depth {header.bits}, colour type {header.colour}"
    if png is None or not png.endswith(END):
        return "has no end"
    if size is not None and size != (header.width, header.height):
        return f"is {header.width} x {header.height} pixels; metadata.parquet says {size[0]} x {size[1]}"
    return None


def _stated_hashes(rows: pa.Table) -> Iterator[_Stated]:
    columns = (rows[name].to_pylist() for name in _Stated._fields)
    yield from itertools.starmap(_Stated, zip(*columns, strict=True))


def _pixel_fault(png: bytes, stated: _Stated, thumbnails: Mapping[str, bytes], intensity: Intensity) -> str | None:
    """Decode with Pillow and compare with what is stated.

    Pillow is not the decoder of the build's own tests. What is sound is counted in ``intensity``.
    """
    try:
        with Image.open(io.BytesIO(png)) as image:
            pixels = np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        return f"cannot be decoded: {error}"
    if pixels.ndim != 2 or pixels.dtype != np.uint8:
        return f"decodes to {pixels.dtype} of shape {pixels.shape}"
    found = hashlib.sha256(struct.pack("<II", *pixels.shape) + pixels.tobytes()).digest()
    if stated.pixels_sha256 is not None and found != stated.pixels_sha256:
        return "has other pixels than metadata.parquet's pixels_sha256 says"
    intensity.add(pixels)
    if stated.crop or stated.sha256 is None:
        return None
    return whole_fault(pixels, stated.sha256, thumbnails.get(stated.sha256))


def _difference(found: pa.Schema, wanted: pa.Schema) -> str:
    for ours, theirs in zip(wanted, found, strict=False):
        if not ours.equals(theirs):
            return f"{theirs.name} ({theirs.type}) in place of {ours.name} ({ours.type})"
    return f"{len(found)} columns in place of {len(wanted)}"


def _first_difference(found: pa.Table, wanted: pa.Table, names: Sequence[str]) -> str:
    if found.num_rows != wanted.num_rows:
        return f", which has {wanted.num_rows} for it"
    for name in names:
        if not found[name].equals(wanted[name]):
            pairs = zip(found[name].to_pylist(), wanted[name].to_pylist(), strict=True)
            row = next((n for n, (a, b) in enumerate(pairs) if a != b), 0)
            return f" in {name}, first in row {row}"
    return ""
