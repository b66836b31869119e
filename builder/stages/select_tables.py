"""The tables that selection gives: every column of `SELECTION`, and the rejects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from builder.recipe import Recipe
from builder.schema import REJECTS, SELECTION, SPLITS
from builder.stages.select_names import class_folders, file_names
from builder.stages.select_pictures import Fates, Ints, Mask, Pictures
from builder.stages.select_shards import plan_shards


def selection_table(pictures: Pictures, chosen: Ints, validation: Mask, recipe: Recipe) -> pa.Table:
    """Return the chosen pictures (schema `SELECTION`), sorted by shard and position.

    Parameters
    ----------
    chosen : places in ``pictures``, ascending
    validation : which of the chosen are validation
    """
    rows = pictures.rows.take(chosen)
    images = pictures.images.take(pictures.image[chosen])
    folders, names = names_of(images["label"].to_pylist())
    splits = [SPLITS[int(held_out)] for held_out in validation]
    sizes = rows["bytes"].to_numpy().astype(np.int64)
    categories = images["category"].to_pylist()
    plan = plan_shards(categories, splits, sizes, pictures.keys[chosen], recipe.seed, recipe.shard_bytes)
    made = {
        "path": pa.array([f"cytoimagenet/{folder}" for folder in folders], pa.string()),
        "filename": pa.array(names, pa.string()),
        "split": pa.array(splits, pa.string()),
    }
    placed = {"shard": pa.array(plan.shards, pa.string()).take(pa.array(plan.shard)), "position": plan.position}
    columns = []
    for field in SELECTION:
        if field.name in placed:
            columns.append(pa.chunked_array([pa.array(placed[field.name])]))
            continue
        column = made.get(field.name)
        if column is None:
            column = (rows if field.name in rows.column_names else images)[field.name]
        columns.append(column.take(pa.array(plan.order)).cast(field.type))
    return pa.table(columns, schema=SELECTION)


def names_of(labels: list[str]) -> tuple[list[str], list[str]]:
    """Return the class folder and the file name of each picture; a class's numbers follow the order given."""
    folders = class_folders(labels)
    counts = dict.fromkeys(folders, 0)
    for label in labels:
        counts[label] += 1
    names = {label: iter(file_names(folders[label], count)) for label, count in counts.items()}
    return [folders[label] for label in labels], [next(names[label]) for label in labels]


def rejects_table(pictures: Pictures, fates: Fates) -> pa.Table:
    """Return the pictures that do not stay (schema `REJECTS`), sorted by idx and candidate."""
    places = np.flatnonzero(~fates.kept)
    rows = pictures.rows.select(["idx", "candidate"]).take(places)
    images = pictures.images.select(["dir_name", "key", "label"]).take(pictures.image[places])
    columns = {
        "idx": rows["idx"],
        "dir_name": images["dir_name"],
        "key": images["key"],
        "label": images["label"],
        "candidate": rows["candidate"],
        "stage": pa.array(["select" if fates.made[place] else "standardize" for place in places], pa.string()),
        "reason": pa.array([fates.reasons[place] for place in places], pa.string()),
        "detail": pa.array([fates.details[place] for place in places], pa.string()),
    }
    return pa.table([columns[field.name].cast(field.type) for field in REJECTS], schema=REJECTS)
