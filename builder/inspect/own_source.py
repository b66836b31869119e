"""Sources of one's own, looked at: what a declaration gives."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import Draw
from builder.engine import localfiles
from builder.engine.parquet import read_parquet
from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import RejectedError, UserError
from builder.inspect.label_command import labelled
from builder.inspect.text_table import text_table
from builder.pixels.candidates import candidates
from builder.pixels.resize import reduce
from builder.recipe import Recipe
from builder.schema import CATEGORIES, TOKEN_SEPARATOR, extra_fields
from builder.sources import DECLARATION
from builder.sources.common.folder import Folder
from builder.sources.proposed.propose import propose
from builder.stages import work_files
from builder.stages.annotate.discover import located
from builder.stages.annotate.stage import Annotate
from builder.stages.annotations import read_annotations
from builder.stages.stage import carry_out
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item
from builder.stages.task_runner import TaskRunner
from builder.stages.thresholds import FITTED, Auto
from cytoimagenet_reader.png import encoder

_ROWS: Final = 10
_THUMBNAILS: Final = 3
_SIDE: Final = 256
_SHOWN: Final = ("key", *CATEGORIES, "microscopy", "channels", "group", "batch", "well", "control", "timepoint", "z")


def propose_for(folder: str, title: str, force: bool) -> Path:
    """Write a ``source.toml`` into a local folder; return its path.

    Raises
    ------
    UserError
        Where the folder is none, has a declaration already, or holds no image.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{folder} is not a folder; name the one that holds your images")
    target = root / DECLARATION
    if target.exists() and not force:
        raise UserError(
            f"{target} is there already: see what it gives with `cytoimagenet annotate {folder} --show`, "
            "or overwrite it with --force"
        )
    text = propose(Folder.listed(folder), title or root.resolve().name.replace("_", " "))
    with localfiles.replacing(target) as file:
        file.write(text.encode())
    return target


def gives(folder: str) -> Iterator[str]:
    """Yield what a declared folder would give, a line each.

    Images, tokens and classes; what did not fit is logged.
    """
    with localfiles.scratch_folder() as scratch:
        work = Store(scratch)
        data, only = located(folder)
        carry_out(Annotate(Store(data), work, TaskRunner(RunSettings(0)), only))
        table = read_annotations(work, only, CATEGORIES)
        yield f"images: {table.num_rows:,}"
        for name in CATEGORIES:
            tokens = _counted(table[name].cast(pa.string()))
            if tokens:
                some = ", ".join(f"{token} ({count:,})" for token, count in tokens[:6]) + " …" * (len(tokens) > 6)
                yield f"  {name}: {len(tokens):,}: {some}"
        try:
            auto = Auto(frozenset(), frozenset((*FITTED, "drop_labels")))
            classes = labelled(work, Recipe(), auto).to_pylist()
        except UserError:
            yield "classes: none; name in [columns] the facts that define them, or add images of more than one kind"
            return
        taken = [row for row in classes if row["taken"]]
        few = len(classes) - len(taken)
        yield f"classes: {len(taken):,}" + (f"; {few:,} more have too few images left" if few else "")
        for row in sorted(taken, key=lambda row: -int(row["taken"]))[:8]:
            yield f"  {row['label']} ({row['category']}): {row['taken']:,} images"


def _counted(cells: pa.ChunkedArray) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for pair in pc.value_counts(cells).to_pylist():
        for token in (pair["values"] or "").split(TOKEN_SEPARATOR):
            if token:
                counts[token] = counts.get(token, 0) + pair["counts"]
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def shown(data: str, work: Store, dir_names: Sequence[str]) -> Iterator[str]:
    """Yield ten rows as a table, then the thumbnails' paths.

    The rows are spread over all images. Columns that are empty in all of them are left out. Thumbnails of three images
    go to WORK/show, as the package would standardise them.
    """
    for name in dir_names:
        table = read_parquet(work, work_files.annotations_path(name))
        some = table.take(pa.array(_spread(len(table), _ROWS)))
        names = [*_SHOWN, *(field.name for field in extra_fields(table.schema))]
        used = [column for column in names if some[column].null_count < len(some)]
        rows = [[row[column] for column in used] for row in some.to_pylist()]
        yield f"{name}: {_ROWS if len(table) > _ROWS else len(table)} of {len(table):,} images"
        yield text_table(used, rows)
        yield from _thumbnails(data, work, table.take(pa.array(_spread(len(table), _THUMBNAILS))).to_pylist())


def _spread(count: int, most: int) -> list[int]:
    """Return up to ``most`` places, evenly among ``count``."""
    return sorted({place * count // most for place in range(min(most, count) if count < most else most)})


def _thumbnails(data: str, work: Store, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    recipe = Recipe()
    items = [
        Item(
            row["idx"],
            row["dir_name"],
            tuple(row["files"]),
            tuple(row["planes"]),
            tuple(row["region"]) if row["region"] else None,
            0,
            row["file_signature"],
            tuple(row["size"]) if row["size"] else None,
        )
        for row in rows
    ]
    with ChannelReader(data, {}, recipe.max_pixels) as reader:
        for row, read in zip(rows, reader.read_all(items), strict=True):
            said = f"{row['key']} ({row['channels']})"
            if read.unavailable is not None:
                raise read.unavailable
            try:
                made = candidates(read.channels, 0, Draw(recipe.seed, row["idx"], "crops"), recipe)
                pixels = next((found.pixels for found in made if found.pixels is not None), None)
            except RejectedError as refused:
                yield f"no thumbnail of {said}: {refused}"
                continue
            if pixels is None:
                yield f"no thumbnail of {said}: {'; '.join(read.left_out) or 'it would be rejected'}"
                continue
            path = f"show/{row['idx']}.png"
            work.write_bytes(path, encoder.encode(reduce(pixels, _SIDE)))
            yield f"{os.fspath(work.url)}/{path}: {said}"
