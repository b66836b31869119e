"""Images to standardise, as tables, items with files, and tasks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.parquet import open_parquet, read_parquet
from builder.engine.store import Store
from builder.engine.task import Task
from builder.recipe import Recipe
from builder.schema import ASSIGNMENTS
from builder.stages import work_files
from builder.stages.standardize.item import Item

_READ_AT_ONCE = 20_000


def wanted_images(work: Store, assignments: pa.Table, recipe: Recipe) -> pa.Table:
    """Return idx, dir_name, category, crops and file_signature of assigned images.

    No crop is wanted of an image of a single object, unless the recipe says otherwise.
    """
    tables = []
    for dir_name in pc.unique(assignments["dir_name"]).to_pylist():
        here = assignments.filter(pc.equal(assignments["dir_name"], dir_name))
        here = here.select(["idx", "dir_name", "category", "crops"])
        path = work_files.annotations_path(dir_name)
        known = read_parquet(work, path, ["idx", "file_signature", "single_object"])
        known = known.take(pc.index_in(here["idx"], value_set=known["idx"].combine_chunks()))
        if recipe.single_objects_whole:
            crops = pc.if_else(known["single_object"], pa.scalar(0, pa.int8()), here["crops"])
            here = here.set_column(here.schema.get_field_index("crops"), ASSIGNMENTS.field("crops"), crops)
        tables.append(here.append_column("file_signature", known["file_signature"]))
    return pa.concat_tables(tables)


def items_of(work: Store, images: pa.Table) -> Iterator[Item]:
    """Yield images with their files, by source, in source order.

    The source's order follows the files' names, so that images in one file, and files of one folder, are read together.
    """
    columns = ["idx", "files", "planes", "region", "file_signature", "size"]
    for dir_name in sorted(pc.unique(images["dir_name"]).to_pylist()):
        here = images.filter(pc.equal(images["dir_name"], dir_name))
        wanted, crops = here["idx"].combine_chunks(), here["crops"].to_pylist()
        with open_parquet(work, work_files.annotations_path(dir_name)) as stored:
            for batch in stored.batches(columns, _READ_AT_ONCE):
                place = pc.index_in(batch["idx"], value_set=wanted)
                batch = batch.append_column("place", place).filter(pc.is_valid(place))
                for row in batch.to_pylist():
                    region = tuple(row["region"]) if row["region"] else None
                    size = tuple(row["size"]) if row["size"] else None
                    files, planes, count = tuple(row["files"]), tuple(row["planes"]), crops[row["place"]]
                    yield Item(row["idx"], dir_name, files, planes, region, count, row["file_signature"], size)


def part_tasks(items: Iterable[Item], part_images: int) -> Iterator[Task]:
    """Yield tasks of at most ``part_images`` images of one source.

    Items are consumed only as needed.
    """
    for _, here in itertools.groupby(items, key=lambda item: item.dir_name):
        while chunk := tuple(itertools.islice(here, part_images)):
            yield Task(name=f"{chunk[0].dir_name}/{chunk[0].idx}", items=chunk, weight=len(chunk))
