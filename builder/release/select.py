"""Selection of examples from the published release.

Duplicates are kept once and no source image crosses the split; order and shards are set here. Labels, windows and file
names stay as they are. A group is a source image (``idx``); source images that share a example, pixel for pixel, are
one group, whether that example stays or not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import key64, mix64, row_keys
from builder.recipe import Recipe
from builder.release.facts import release_facts
from builder.release.read import Release
from builder.schema import REJECTS, SELECTION
from builder.sources.common.folder import Notes
from builder.stages.label.index import encode
from builder.stages.select.choose import Selected
from builder.stages.select.plan_shards import plan_shards
from builder.stages.select.report import selection_report
from builder.stages.select.split import split_groups
from builder.stages.select.tables import split_names
from builder.stages.select.units import Groups, merged_by_content, merges, ranked

Ints = npt.NDArray[np.int64]

_MOST_CANDIDATES: Final = 127  # int8


def select_released(release: Release, parts: pa.Table, notes: Notes, recipe: Recipe) -> Selected:
    """Choose the package's examples from those of the release.

    Parameters
    ----------
    parts : columns of ``PART_ROWS`` and ``part``, ``idx`` being the file; one row for each row of the release
    notes : of the release's folder

    Returns
    -------
    Selected; its report is that of ``selection_report`` and has ``release``, see ``release_facts``
    """
    table = release.rows
    place = pc.index_in(table["file"], value_set=parts["idx"].combine_chunks())
    examples = parts.take(place)
    made = pc.is_null(examples["reason"]).combine_chunks().to_numpy(zero_copy_only=False)
    first = _first_of_equals(examples["pixels_sha256"], made)
    kept = np.flatnonzero(made & (first == np.arange(len(first))))
    group, merged = _groups(table["idx"], first, examples["sha256"])
    selection = _selection(table, examples, kept, group, recipe)
    rejects = _rejects(release, examples, made, first)
    assigned = table.select(["idx", "label", "category"]).group_by(["idx", "label", "category"]).aggregate([])
    report = selection_report(selection, rejects, assigned, table["idx"], recipe)
    report["split"]["merged_groups"] = merged
    report["release"] = release_facts(release, made, first, notes)
    return Selected(selection, rejects, report)


def _first_of_equals(hashes: pa.ChunkedArray, made: npt.NDArray[np.bool_]) -> Ints:
    """Return the index of each example's first duplicate.

    The first with the same pixels; its own if it could not be read.
    """
    first = np.arange(len(hashes))
    places = np.flatnonzero(made)
    codes = hashes.take(pa.array(places)).combine_chunks().dictionary_encode().indices.to_numpy()
    _, where, which = np.unique(codes, return_index=True, return_inverse=True)
    first[places] = places[where[which.reshape(-1)]]
    return first


def _groups(idx: pa.ChunkedArray, first: Ints, wholes: pa.ChunkedArray) -> tuple[pa.Array, dict[str, Any]]:
    """Return each example's group, and the number of merged ones.

    The group is the smallest idx that equal examples join its own to, or examples that show the same whole image.
    """
    groups = Groups.of(idx, idx)
    copies = np.flatnonzero(first != np.arange(len(first)))
    same = zip(groups.codes[copies].tolist(), groups.codes[first[copies]].tolist(), strict=True)
    parent = merged_by_content(groups, ranked(wholes)[0], same)
    return groups.names.take(pa.array(parent[groups.codes])), merges(groups, parent)


def _selection(table: pa.Table, examples: pa.Table, kept: Ints, group: pa.Array, recipe: Recipe) -> pa.Table:
    """Return the kept examples, sorted by shard and position.

    Their schema is ``SELECTION``.
    """
    chosen = pa.array(kept)
    table, rows = table.append_column("group", group).take(chosen), examples.take(chosen)
    groups = encode(table["group"])
    codes = groups.codes.astype(np.int64) - 1
    classes = encode(table["label"]).codes.astype(np.int64) - 1
    salt = key64(recipe.seed, "split")
    validation = split_groups(classes, codes, groups.keys[1:], recipe.validation_share, salt, recipe.validation_limit)[
        codes
    ]
    splits = split_names(validation)
    keys = mix64(row_keys(table["filename"]), key64(recipe.seed, "picture"))
    sizes = rows["bytes"].to_numpy().astype(np.int64)
    plan = plan_shards(table["category"], splits, sizes, keys, recipe.seed, recipe.shard_bytes)
    order = pa.array(plan.order)
    made: dict[str, Any] = {
        "path": pc.binary_join_element_wise("cytoimagenet", table["folder"], "/").take(order),
        "split": splits.take(order),
        "candidate": pa.array(_candidates(table), pa.int8()).take(order),
        "shard": pa.array(plan.shards, pa.string()).take(pa.array(plan.shard)),
        "position": pa.array(plan.position),
    }
    columns = []
    for field in SELECTION:
        found = made.get(field.name)
        if found is None:
            found = (table if field.name in table.column_names else rows)[field.name].take(order)
        columns.append(found.cast(field.type))
    return pa.table(columns, schema=SELECTION)


def _candidates(table: pa.Table) -> npt.NDArray[np.int8]:
    """Return each crop's position within its source image.

    By file; -1 for a whole example.
    """
    crop = table["crop"].combine_chunks().to_numpy(zero_copy_only=False)
    codes = encode(table["idx"]).codes
    starts = np.flatnonzero(np.diff(codes, prepend=-1))  # the table is sorted by idx
    before = np.cumsum(crop) - crop
    places = before - np.repeat(before[starts], np.diff(starts, append=len(codes)))
    return np.where(crop, np.minimum(places, _MOST_CANDIDATES), -1).astype(np.int8)


def _rejects(release: Release, examples: pa.Table, made: npt.NDArray[np.bool_], first: Ints) -> pa.Table:
    """Return missing and unreadable files, and duplicates, as ``REJECTS``."""
    table = release.rows
    names = ("idx", "dir_name", "label", "file")
    out: list[dict[str, Any]] = [
        {**row, "stage": "standardize", "reason": "unreadable", "detail": "the table names it; the file is not there"}
        for row in release.missing.to_pylist()
    ]
    candidates = _candidates(table)
    for place in np.flatnonzero(~made | (first != np.arange(len(first)))).tolist():
        row: dict[str, Any] = {name: table[name][place].as_py() for name in names}
        if made[place]:
            stays = int(first[place])
            detail = f"same pixels as {table['file'][stays]}"
            if table["label"][stays].as_py() != row["label"]:
                detail += f"; conflicting label: {table['label'][stays]}"
            row |= {"stage": "select", "reason": "duplicate", "detail": detail}
        else:
            found = {name: examples[name][place].as_py() for name in ("reason", "detail")}
            row |= {"stage": "standardize", **found}
        out.append({**row, "candidate": int(candidates[place])})
    for row in out:
        row["key"] = row.pop("file")
    return pa.Table.from_pylist(sorted(out, key=lambda row: (row["idx"], row["key"])), REJECTS)
