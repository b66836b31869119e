"""The tables of a selection: `SELECTION` and rejects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.recipe import Recipe
from builder.schema import REJECTS, SELECTION, SPLITS, extra_fields
from builder.stages.select.candidates import Candidates, Ints, Mask, Outcomes
from builder.stages.select.names import class_folders, file_names
from builder.stages.select.plan_shards import plan_shards
from builder.stages.tables import REPEATED


def selection_table(candidates: Candidates, chosen: Ints, validation: Mask, recipe: Recipe) -> pa.Table:
    """Return the chosen candidates, sorted by shard and position.

    The columns are those of `SELECTION` and what sources add, with repeated texts dictionary-encoded.

    Parameters
    ----------
    chosen : places in ``candidates``, ascending
    validation : which of the chosen are validation
    """
    categories = candidates.column("category", chosen)
    splits = split_names(validation)
    sizes = candidates.column("bytes", chosen).to_numpy().astype(np.int64)
    plan = plan_shards(categories, splits, sizes, candidates.keys[chosen], recipe.seed, recipe.shard_bytes)
    folders, names = names_of(candidates.label[chosen], candidates.labels)
    order = pa.array(plan.order)
    paths = pc.binary_join_element_wise("cytoimagenet", folders, "/")
    places = chosen[plan.order]
    made = {
        "path": _coded(candidates.label[places], paths),
        "filename": names.take(order),
        "split": splits.take(order),
        "shard": _coded(plan.shard, pa.array(plan.shards, pa.string())),
        "position": pa.array(plan.position),
    }
    columns = {}
    for field in (*SELECTION, *extra_fields(candidates.annotations.schema)):
        column = made.pop(field.name, None)
        column = candidates.column(field.name, places) if column is None else column
        columns[field.name] = _repeated(column) if field.name in REPEATED else column.cast(field.type)
    return pa.table(columns)


def _coded(codes: Ints, values: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), values)


def _repeated(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def split_names(validation: Mask) -> pa.Array:
    """Return the name of the split of each candidate."""
    return pa.array(SPLITS, pa.string()).take(pa.array(validation.astype(np.int64)))


def names_of(codes: Ints, labels: list[str]) -> tuple[pa.Array, pa.Array]:
    """Return each class's folder and each candidate's file name.

    Numbers within a class follow the order given.

    Parameters
    ----------
    codes : shape (candidates,), places in ``labels``; labels without a candidate have the folder ""
    """
    counts = np.bincount(codes, minlength=len(labels)).tolist()
    used = [label for label, count in zip(labels, counts, strict=True) if count]
    folder_of = class_folders(used)
    folders = [folder_of.get(label, "") for label in labels]
    names = [pa.array(file_names(folder, count)) for folder, count in zip(folders, counts, strict=True) if count]
    place = np.empty(len(codes), np.int64)  # in the names of all classes one after another
    place[np.argsort(codes, kind="stable")] = np.arange(len(codes))
    texts = pa.concat_arrays(names) if names else pa.array([], pa.string())
    return pa.array(folders, pa.string()), texts.take(pa.array(place))


def rejects_table(candidates: Candidates, outcomes: Outcomes) -> pa.Table:
    """Return the dropped candidates, sorted by idx and candidate.

    The schema is `REJECTS`.
    """
    places = np.flatnonzero(~outcomes.kept)
    reasons, details = outcomes.reasons(candidates, places)
    stages = pa.array(["standardize", "select"], pa.string())
    made = {
        "stage": stages.take(pa.array(outcomes.made[places].astype(np.int64))),
        "reason": reasons,
        "detail": details,
    }
    columns = [made[f.name] if f.name in made else candidates.column(f.name, places) for f in REJECTS]
    return pa.table([column.cast(f.type) for column, f in zip(columns, REJECTS, strict=True)], schema=REJECTS)
