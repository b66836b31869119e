"""Stage 3: the assigned images become PNG candidates, about 200 images a part (method, sections 3 to 5)."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.draw import Draw
from builder.engine import markers
from builder.engine.run import Task
from builder.engine.store import Store
from builder.errors import RejectedError
from builder.pixels.candidates import Candidate, candidates
from builder.recipe import Recipe
from builder.stages.annotate.annotate_source import annotations_path
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.parts import FAULTY, write_part
from builder.stages.versions import code_version
from cytoimagenet_reader.png import encoder

_READ_AT_ONCE = 20_000


class Item(NamedTuple):
    """One image to standardise: where its channels lie, and how many crops are wanted of it."""

    idx: str
    dir_name: str
    files: tuple[str, ...]
    planes: tuple[int, ...]
    region: tuple[int, int, int, int] | None
    crops: int
    file_signature: int
    size: tuple[int, int] | None = None  # width and height that a table states


def made_from(item: Item) -> tuple[str, int, int]:
    """Return what an image's candidates depend on beside the recipe: who it is, its crops, the state of its files."""
    return item.idx, item.crops, item.file_signature


def pixels_fingerprint(recipe: Recipe) -> str:
    """Return the hash of all that changes pixels: the recipe's part and the code."""
    return markers.fingerprint("standardize", recipe.fingerprint("standardize"), code_version("standardize"))


def wanted_images(work: Store, assignments: pa.Table) -> pa.Table:
    """Return idx, dir_name, category, crops and file_signature of assigned images."""
    tables = []
    for dir_name in pc.unique(assignments["dir_name"]).to_pylist():
        here = assignments.filter(pc.equal(assignments["dir_name"], dir_name))
        here = here.select(["idx", "dir_name", "category", "crops"])
        with work.open(annotations_path(dir_name)) as file:
            signatures = pq.read_table(file, columns=["idx", "file_signature"])
        place = pc.index_in(here["idx"], value_set=signatures["idx"].combine_chunks())
        tables.append(here.append_column("file_signature", signatures["file_signature"].take(place)))
    return pa.concat_tables(tables)


def items_of(work: Store, images: pa.Table) -> Iterator[Item]:
    """Yield the images with their files, by source, in the order in which the source gave them.

    That order follows the files' names, so that images in one file, and files of one folder, are read together.
    """
    columns = ["idx", "files", "planes", "region", "file_signature", "size"]
    for dir_name in sorted(pc.unique(images["dir_name"]).to_pylist()):
        here = images.filter(pc.equal(images["dir_name"], dir_name))
        wanted, crops = here["idx"].combine_chunks(), here["crops"].to_pylist()
        with work.open(annotations_path(dir_name)) as file:
            for batch in pq.ParquetFile(file).iter_batches(_READ_AT_ONCE, columns=columns):
                place = pc.index_in(batch["idx"], value_set=wanted)
                batch = batch.append_column("place", place).filter(pc.is_valid(place))
                for row in batch.to_pylist():
                    region = tuple(row["region"]) if row["region"] else None
                    files, planes = tuple(row["files"]), tuple(row["planes"])
                    size = tuple(row["size"]) if row["size"] else None
                    wanted = crops[row["place"]]
                    yield Item(row["idx"], dir_name, files, planes, region, wanted, row["file_signature"], size)


def part_tasks(items: Iterable[Item], part_images: int) -> Iterator[Task]:
    """Yield tasks of at most ``part_images`` images of one source; items are taken as they are needed."""
    for _, here in itertools.groupby(items, key=lambda item: item.dir_name):
        while chunk := tuple(itertools.islice(here, part_images)):
            yield Task(name=f"{chunk[0].dir_name}/{chunk[0].idx}", items=chunk, weight=len(chunk))


def standardize_part(
    data: str, options: dict[str, Any], work: Store, recipe: Recipe, fingerprint: str, items: Sequence[Item]
) -> dict[str, int]:
    """Make one part; return how many images, candidates, rejected candidates and bytes of PNG it has."""
    rows: list[dict[str, Any]] = []
    candidates: list[bytes] = []
    made: list[tuple[str, int, int]] = []
    with ChannelReader(data, options, recipe.max_pixels) as reader:
        for item, channels, left_out in reader.read_all(items):
            made.append(made_from(item))
            for row, encoded in _candidates(item, channels, left_out, recipe):
                if encoded is not None:
                    row["row"] = len(candidates)
                    candidates.append(encoded)
                rows.append(row)
    write_part(work, fingerprint, items[0].dir_name, made, rows, candidates)
    kept = len(candidates)
    return {"images": len(items), "candidates": kept, "rejected": len(rows) - kept, "bytes": sum(map(len, candidates))}


def _candidates(
    item: Item, channels: list[Any], left_out: list[str], recipe: Recipe
) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    """Yield (row, PNG or None) of each candidate of an image; one row with the reason where the image is refused."""
    try:
        if not channels:
            raise RejectedError(*_worst(left_out))
        found = candidates(channels, item.crops, Draw(recipe.seed, item.idx, "crops"), recipe)
    except RejectedError as refused:
        yield rejected_row(item, refused.reason, "; ".join([refused.detail, *left_out] if channels else left_out)), None
        return
    note = "; ".join(left_out)
    for candidate in found:
        yield _row(item, candidate, note)


def _worst(left_out: list[str]) -> tuple[str, str]:
    too_large = bool(left_out) and all("too_large" in reason for reason in left_out)
    mismatched = any(": mismatched: " in reason for reason in left_out)
    return ("mismatched" if mismatched else "too_large" if too_large else "unreadable"), "; ".join(left_out)


def _row(item: Item, candidate: Candidate, note: str) -> tuple[dict[str, Any], bytes | None]:
    encoded = None if candidate.pixels is None or candidate.reason else encoder.encode(candidate.pixels)
    row = {
        "idx": item.idx,
        "candidate": candidate.candidate,
        "crop": candidate.crop,
        "scaling": candidate.scaling,
        "x_min": candidate.x_min,
        "x_max": candidate.x_max,
        "y_min": candidate.y_min,
        "y_max": candidate.y_max,
        **candidate.statistics,
        "bytes": None if encoded is None else len(encoded),
        "reason": candidate.reason,
        "detail": "; ".join(filter(None, [candidate.detail, note])) or None,
        "crops": item.crops,
        "file_signature": item.file_signature,
    }
    return row, encoded


def rejected_row(item: Item, reason: str, detail: str) -> dict[str, Any]:
    """Return the row of an image that gives nothing."""
    row: dict[str, Any] = {"idx": item.idx, "candidate": -1, "crop": False, "scaling": 1.0}
    return {
        **row,
        "reason": reason,
        "detail": detail or None,
        "crops": item.crops,
        "file_signature": item.file_signature,
    }


def poisoned(work: Store, fingerprint: str, item: Item, reason: str, detail: str) -> None:
    """Record an image whose reading hung or killed its process, as a part of its own."""
    write_part(work, fingerprint, item.dir_name, [made_from(item)], [rejected_row(item, reason, detail)], [], FAULTY)


def part_function(data: str, options: dict[str, Any], work: Store, recipe: Recipe) -> functools.partial[dict[str, int]]:
    """Return the picklable function that makes a part of a task's items."""
    return functools.partial(standardize_part, data, options, work, recipe, pixels_fingerprint(recipe))
