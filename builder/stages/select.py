"""Selection (method, sections 4 to 6): which pictures make the package, their split, names, order and shards.

Works on the rows of the parts, never on pictures. Nothing depends on the order of the rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import U64, key64, mix64, row_keys
from builder.errors import UserError
from builder.recipe import Recipe
from builder.schema import METADATA, REJECTS, SELECTION, SPLITS
from builder.stages.label_index import encode
from builder.stages.select_keep import Ints, Mask, first_of_equals, over_size
from builder.stages.select_names import class_folders, file_names
from builder.stages.select_report import selection_report
from builder.stages.select_shards import plan_shards
from builder.stages.select_split import split_groups


class Selected(NamedTuple):
    """What the package holds, what it leaves out, and facts about both."""

    selection: pa.Table  # SELECTION, sorted by shard and position
    rejects: pa.Table  # REJECTS, sorted by idx and candidate
    report: dict[str, Any]  # JSON values, see `select_report.selection_report`


class _Pictures(NamedTuple):
    """All pictures, sorted by idx and candidate, with what is known of their images."""

    rows: pa.Table
    image: Ints  # place of the image in the assignments
    assignments: pa.Table
    label: Ints  # code of the label
    labels: list[str]  # sorted; the names of the codes
    keys: U64  # one a picture


def select(rows: pa.Table, assignments: pa.Table, annotations: pa.Table, recipe: Recipe) -> Selected:
    """Choose the pictures of the package.

    Parameters
    ----------
    rows : columns of ``PART_ROWS`` and ``part``, one row a picture that was made or refused
    assignments : schema ``ASSIGNMENTS``
    annotations : the columns of ``METADATA`` that ``ANNOTATIONS`` has, and ``key``
    recipe : class_size, min_class_size, validation_share, shard_bytes and seed matter

    Raises
    ------
    UserError
        If min_class_size is above class_size, so that no class could stay.
    ValueError
        If a row belongs to no assigned image, an assigned image has no annotation, or a picture comes twice.
    """
    if recipe.min_class_size > recipe.class_size:
        raise UserError(
            f"recipe: no class can have min_class_size={recipe.min_class_size} images with "
            f"class_size={recipe.class_size}; lower min_class_size"
        )
    pictures = _sorted_pictures(rows, assignments, recipe.seed)
    reasons = pictures.rows["reason"].to_pylist()
    details = pictures.rows["detail"].to_pylist()
    made = np.array([reason is None for reason in reasons], bool)
    kept = _drop_duplicates(pictures, made, reasons, details)
    kept = _cap(pictures, kept, recipe, reasons, details)
    kept = _drop_small(pictures, kept, recipe, reasons, details)
    described = _described(assignments, annotations)
    chosen = np.flatnonzero(kept)
    group = _groups(described, pictures.image[chosen])
    validation = _split(pictures, chosen, group, recipe)
    selection = _selection(pictures, chosen, validation, described, recipe)
    rejects = _rejects(pictures, ~kept, made, described, reasons, details)
    report = selection_report(selection, rejects, assignments, pictures.rows["idx"], recipe)
    return Selected(selection, rejects, report)


def _sorted_pictures(rows: pa.Table, assignments: pa.Table, seed: int) -> _Pictures:
    image = pc.index_in(rows["idx"], value_set=assignments["idx"].combine_chunks())
    if image.null_count:
        strange = rows["idx"].filter(image.is_null())[0]
        raise ValueError(f"select: image {strange} has pictures but no label")
    by_idx = pc.sort_indices(assignments["idx"]).to_numpy()
    rank = np.empty(len(by_idx), np.int64)
    rank[by_idx] = np.arange(len(by_idx))
    place = image.to_numpy().astype(np.int64)
    candidate = rows["candidate"].to_numpy().astype(np.int64)
    sort_key = rank[place] * 256 + candidate + 128
    order = np.argsort(sort_key, kind="stable")
    twice = np.flatnonzero(np.diff(sort_key[order]) == 0)
    if len(twice):
        first = order[twice[0]]
        raise ValueError(f"select: picture {candidate[first]} of {rows['idx'][first]} comes twice")
    place = place[order]
    label = encode(assignments["label"])
    labels = [text for text in label.values if text is not None]
    keys = mix64(row_keys(assignments["idx"])[place] ^ candidate[order].astype(np.uint64), key64(seed, "picture"))
    return _Pictures(rows.take(order), place, assignments, label.codes[place].astype(np.int64) - 1, labels, keys)


def _drop_duplicates(pictures: _Pictures, kept: Mask, reasons: list[Any], details: list[Any]) -> Mask:
    """Keep of equal pictures the one with the smallest (idx, candidate)."""
    hashes = pictures.rows["pixels_sha256"].combine_chunks().dictionary_encode()
    first = first_of_equals(hashes.indices.fill_null(-1).to_numpy().astype(np.int64), kept)
    idx, candidate = pictures.rows["idx"], pictures.rows["candidate"]
    gone = np.flatnonzero(first != np.arange(len(first)))
    for place in gone.tolist():
        other = int(first[place])
        crop = candidate[other].as_py()
        details[place] = f"same pixels as {idx[other]}" + (f" crop {crop}" if crop >= 0 else "")
        if pictures.label[place] != pictures.label[other]:
            details[place] += f"; conflicting label: {pictures.labels[pictures.label[other]]}"
        reasons[place] = "duplicate"
    kept = kept.copy()
    kept[gone] = False
    return kept


def _by_label(pictures: _Pictures, kept: Mask) -> list[tuple[str, Ints]]:
    """Return the kept pictures of each label, in order."""
    places = np.flatnonzero(kept)
    places = places[np.argsort(pictures.label[places], kind="stable")]
    ends = np.cumsum(np.bincount(pictures.label[places], minlength=len(pictures.labels)))
    return list(zip(pictures.labels, np.split(places, ends[:-1]), strict=True)) if pictures.labels else []


def _cap(pictures: _Pictures, kept: Mask, recipe: Recipe, reasons: list[Any], details: list[Any]) -> Mask:
    crops = pictures.rows["crop"].combine_chunks().to_numpy(zero_copy_only=False)
    kept = kept.copy()
    for label, places in _by_label(pictures, kept):
        if len(places) <= recipe.class_size:
            continue
        images = np.unique(pictures.image[places], return_inverse=True)[1].reshape(-1)
        gone = over_size(images, crops[places], pictures.keys[places], recipe.class_size, recipe.seed, label)
        for place in places[gone].tolist():
            kept[place] = False
            reasons[place], details[place] = "over_class_size", f"its class had {len(places)} pictures"
    return kept


def _drop_small(pictures: _Pictures, kept: Mask, recipe: Recipe, reasons: list[Any], details: list[Any]) -> Mask:
    kept = kept.copy()
    for _, places in _by_label(pictures, kept):
        if len(places) < recipe.min_class_size:
            for place in places.tolist():
                kept[place] = False
                reasons[place], details[place] = "small_class", f"its class had {len(places)} pictures"
    return kept


def _described(assignments: pa.Table, annotations: pa.Table) -> pa.Table:
    """Return the annotations of the assigned images, in the order of the assignments."""
    place = pc.index_in(assignments["idx"], value_set=annotations["idx"].combine_chunks())
    if place.null_count:
        strange = assignments["idx"].filter(place.is_null())[0]
        raise ValueError(f"select: image {strange} has a label but no annotation")
    wanted = [name for name in (*METADATA.names, "key") if name in annotations.column_names]
    return annotations.select(wanted).take(place)


def _groups(described: pa.Table, image: Ints) -> tuple[Ints, U64]:
    """Return the group of each picture, numbered from 0 in the order of their names, and a key a group.

    The names are unique among all sources, see ``builder.stages.annotate``; those that sources share stay one group.
    """
    column = encode(described["group"].take(pa.array(image)))
    return column.codes.astype(np.int64) - 1, column.keys[1:]


def _split(pictures: _Pictures, chosen: Ints, group: tuple[Ints, U64], recipe: Recipe) -> npt.NDArray[np.bool_]:
    """Return which of the chosen pictures are validation."""
    codes, keys = group
    classes = np.unique(pictures.label[chosen], return_inverse=True)[1].reshape(-1)
    found = split_groups(classes, codes, keys, recipe.validation_share, key64(recipe.seed, "split"))
    return found[codes]


def _selection(pictures: _Pictures, chosen: Ints, validation: Mask, described: pa.Table, recipe: Recipe) -> pa.Table:
    rows = pictures.rows.take(pa.array(chosen))
    image = pa.array(pictures.image[chosen])
    images = described.take(image)
    assigned = pictures.assignments.take(image)
    labels = assigned["label"].to_pylist()
    folder, filename = _names(labels)
    splits = [SPLITS[int(held_out)] for held_out in validation]
    categories = assigned["category"].to_pylist()
    sizes = rows["bytes"].to_numpy().astype(np.int64)
    plan = plan_shards(categories, splits, sizes, pictures.keys[chosen], recipe.seed, recipe.shard_bytes)
    shard = pa.array(plan.shards, pa.string()).take(pa.array(_inverse(plan.order, plan.shard)))
    position = pa.array(_inverse(plan.order, plan.position))
    made = {
        "label": assigned["label"],
        "category": assigned["category"],
        "path": pa.array([f"cytoimagenet/{name}" for name in folder], pa.string()),
        "filename": pa.array(filename, pa.string()),
        "split": pa.array(splits, pa.string()),
        "shard": shard,
        "position": position,
    }
    columns = []
    for field in SELECTION:
        found = made.get(field.name)
        if found is None:
            found = rows[field.name] if field.name in rows.column_names else images[field.name]
        columns.append(found.cast(field.type))
    return pa.table(columns, schema=SELECTION).take(pa.array(plan.order))


def _inverse(order: Ints, values: Ints) -> Ints:
    out = np.empty(len(order), np.int64)
    out[order] = values
    return out


def _names(labels: list[str]) -> tuple[list[str], list[str]]:
    """Return the class folder and the file name of each picture; numbers follow the order of the pictures."""
    folders = class_folders(labels)
    counts = dict.fromkeys(folders, 0)
    for label in labels:
        counts[label] += 1
    names = {label: iter(file_names(folders[label], count)) for label, count in counts.items()}
    return [folders[label] for label in labels], [next(names[label]) for label in labels]


def _rejects(
    pictures: _Pictures, gone: Mask, made: Mask, described: pa.Table, reasons: list[Any], details: list[Any]
) -> pa.Table:
    places = np.flatnonzero(gone)
    image = pa.array(pictures.image[places])
    stage = ["select" if made[place] else "standardize" for place in places.tolist()]
    return pa.table(
        [
            pictures.rows["idx"].take(pa.array(places)),
            described["dir_name"].take(image),
            described["key"].take(image),
            pictures.assignments["label"].take(image),
            pictures.rows["candidate"].take(pa.array(places)),
            pa.array(stage, pa.string()),
            pa.array([reasons[place] for place in places.tolist()], pa.string()),
            pa.array([details[place] for place in places.tolist()], pa.string()),
        ],
        schema=REJECTS,
    )
