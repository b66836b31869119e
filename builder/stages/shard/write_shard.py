"""Stage 5: writing the package's shards (method, section 6).

Each is made from its rows of the selection and the parts' PNGs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from builder.code_version import code_version
from builder.engine import markers
from builder.engine.parquet import open_parquet
from builder.engine.store import Store
from builder.package.intensity import Intensity
from builder.package.shard_files import write_batches
from builder.pixels.read import read
from builder.pixels.resize import reduce
from builder.recipe import Recipe
from builder.schema import EXAMPLES, IMAGE_TYPE, METADATA, extra_fields, with_extras
from builder.stages import work_files
from builder.stages.select.store import ShardPlan
from builder.stages.shard.package_files import unfinish
from builder.stages.shard.part_images import PartImageReader
from cytoimagenet_reader import layout
from cytoimagenet_reader.png import encoder
from cytoimagenet_reader.png.chunks import parse


def finished(
    work: Store,
    package: Store,
    plans: Iterable[ShardPlan],
    recipe: Recipe,
    file_format: str,
    classes: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Return the facts of shards that are up to date.

    These are the facts that ``write_shard`` returned.
    """
    wanted = {f"shard/{plan.shard}": shard_fingerprint(plan, recipe, file_format, classes) for plan in plans}
    sizes = package.sizes(layout.DATA)
    done = markers.find_done(work, wanted)
    facts = {layout.shard_path(marker.removeprefix("shard/"), file_format): found for marker, found in done.items()}
    return {path: found for path, found in facts.items() if sizes.get(path) == found["bytes"]}


def write_shard(
    work: Store,
    package: Store,
    recipe: Recipe,
    file_format: str,
    items: Sequence[ShardPlan],
    classes: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Write shards; return {path: facts for the manifest}.

    The facts are rows, bytes, sha256, the mean and mean square of the pixels (see ``builder.package.intensity``),
    ``batch_rows`` of each record batch or row group, and of Arrow only ``batch_offsets``, the bytes at which the record
    batches begin.

    Parameters
    ----------
    classes : of ``full``, whose numbers are the labels of a Parquet shard
    """
    facts: dict[str, dict[str, Any]] = {}
    for plan in items:
        with open_parquet(work, work_files.SELECTION) as selection:
            rows = selection.read_group(plan.group)
        path = layout.shard_path(plan.shard, file_format)
        unfinish(package)
        with package.writing(path) as out:
            batches = _write(out, rows, work, recipe, file_format, classes)
        done = {"rows": rows.num_rows, "bytes": package.size(path), "sha256": package.sha256(path), **batches}
        markers.mark_done(work, f"shard/{plan.shard}", shard_fingerprint(plan, recipe, file_format, classes), **done)
        facts[path] = done
    return facts


def shard_fingerprint(plan: ShardPlan, recipe: Recipe, file_format: str, classes: Sequence[str] = ()) -> str:
    """Return the hash of all that decides a shard's bytes.

    A Parquet file names the library that wrote it; an Arrow stream does not.
    """
    libraries = ["pyarrow"] if file_format == "parquet" else []
    code = code_version(write_shard, libraries=libraries)
    numbered = classes if file_format == "parquet" else ()
    return markers.fingerprint("shard", file_format, plan.content, recipe.fingerprint("shard"), code, *numbered)


def _write(
    out: Any, rows: pa.Table, work: Store, recipe: Recipe, file_format: str, classes: Sequence[str] = ()
) -> dict[str, Any]:
    """Write a shard; return what was found while writing."""
    intensity = Intensity()
    batches = write_batches(
        out, _batches(rows, work, recipe, intensity), file_format, classes, extra_fields(rows.schema)
    )
    return {**intensity.facts(), **batches}


def _batches(rows: pa.Table, work: Store, recipe: Recipe, intensity: Intensity) -> Iterator[pa.RecordBatch]:
    """Yield a shard's examples and count their pixels.

    The schema is ``EXAMPLES`` and extras.
    """
    examples = PartImageReader(work)
    for start, end in batch_bounds(rows["bytes"].to_pylist(), recipe.batch_rows, recipe.batch_bytes):
        batch = rows.slice(start, end - start)
        encoded = examples.read_all(batch["part"].to_pylist(), batch["row"].to_pylist())
        if recipe.size:
            encoded = [_reduced(example, recipe.size, intensity) for example in encoded]
        else:
            for example, total, squares, height, width in zip(encoded, *_sums(batch), strict=True):
                parse(example)  # raises where the file in WORK was damaged since
                intensity.add_sums(total, squares, height * width)
        yield _examples(batch, encoded)


def _sums(batch: pa.Table) -> list[list[int]]:
    """Return what *standardize* counted: both sums, height, width."""
    return [batch[name].to_pylist() for name in ("pixel_sum", "pixel_square_sum", "height", "width")]


def _reduced(example: bytes, size: int, intensity: Intensity) -> bytes:
    """Return an example reduced to ``size``; count its pixels."""
    pixels = reduce(read(example), size)
    intensity.add(pixels)
    return encoder.encode(pixels)


def _examples(batch: pa.Table, encoded: list[bytes]) -> pa.RecordBatch:
    extras = extra_fields(batch.schema)
    names = [*METADATA.names, *(field.name for field in extras)]
    metadata = batch.select(names).combine_chunks().to_batches()[0]
    image = pa.StructArray.from_arrays(
        [pa.array(encoded, pa.binary()), metadata["filename"]], fields=list(IMAGE_TYPE), mask=None
    )
    return pa.RecordBatch.from_arrays([image, *metadata.columns], schema=with_extras(EXAMPLES, extras))


def batch_bounds(sizes: Sequence[int], most_rows: int, most_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of record batches within the limits.

    One example always fits, whatever its size.
    """
    start = total = 0
    for position, size in enumerate(sizes):
        if position > start and (position - start == most_rows or total + size > most_bytes):
            yield start, position
            start, total = position, 0
        total += size
    if sizes:
        yield start, len(sizes)
