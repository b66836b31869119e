"""Explanation of what became of one annotated image.

Its tokens, its label or why it has none, its examples or why it has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow.compute as pc

from builder.engine.parquet import open_parquet, read_parquet
from builder.engine.store import Store
from builder.errors import UserError
from builder.package.data_files import MALFORMED, raise_of_machine, whole_table
from builder.recipe import Recipe
from builder.schema import CATEGORIES, REASONS, TOKEN_SEPARATOR
from builder.sources.base import Image
from builder.stages import work_files
from builder.stages.label.naming import naming
from cytoimagenet_reader import layout

_FACTS: Final = (
    "idx",
    "key",
    "dir_name",
    "group",
    "batch",
    "well",
    "control",
    "pixel_size_um",
    "timepoint",
    "z",
    "files",
    "planes",
    "region",
)
_PLACE: Final = ("label", "split", "path", "filename", "shard", "position", "crop", "x_min", "x_max", "y_min", "y_max")

Facts = dict[str, Any]


def explain(work: Store, package: Store, image: str, recipe: Recipe) -> Facts:
    """Say what became of an image, in JSON values.

    Parameters
    ----------
    work : of the build
    package : that it made; it need not be finished
    image : its idx, or its key in its source

    Returns
    -------
    dict:
        idx, key, dir_name, group, batch, well, control, pixel_size_um, timepoint, z, files, planes, region
        tokens
            category -> list of {token, label (the class it stands for, or None), why}
        label, category
            None where it has none
        outcome
            "in the package", "dropped", "not drawn", "no class" or "not made yet"
        why
            one line
        examples
            where each lies: label, split, path, filename, shard, position, crop and its window
        rejected
            candidate, stage, reason, meaning and detail of each candidate that is not in the package

    Raises
    ------
    UserError
        Where the annotations hold no such image, or several.
    """
    row = _annotation(work, image)
    assignments = read_parquet(work, work_files.ASSIGNMENTS, ["idx", "label", "category"])
    classes = {
        (pair["category"], pair["label"]): pair["count_all"]
        for pair in assignments.group_by(["category", "label"]).aggregate([([], "count_all")]).to_pylist()
    }
    mine = assignments.filter(pc.equal(assignments["idx"], row["idx"])).to_pylist()
    label, category = (mine[0]["label"], mine[0]["category"]) if mine else (None, None)
    return _explained(package, row, _tokens(row, classes, recipe), label, category)


def explain_example(package: Store, idx: str, record: Image) -> Facts:
    """Explain an image of a package whose WORK is missing.

    Only what package and source tell is known.

    Raises
    ------
    UserError
        Where the package has nothing of it.
    """
    examples = list(_rows(package, layout.METADATA_TABLE, idx))
    rejected = list(_rows(package, layout.REJECTS_TABLE, idx))
    if not examples and not rejected:
        raise UserError(f"{package.url} has no image {idx!r}; its metadata.parquet lists those it has")
    known: Facts = {**dict.fromkeys(_FACTS), **(examples or rejected)[0], "key": record.key, "group": record.group}
    channels = {"files": [c.path for c in record.channels], "planes": [c.plane for c in record.channels]}
    region = list(record.region) if record.region else None
    return _explained(package, known | channels | {"region": region}, {}, known["label"], known.get("category"))


def _explained(
    package: Store, row: Facts, tokens: dict[str, list[Facts]], label: str | None, category: str | None
) -> Facts:
    examples = list(_rows(package, layout.METADATA_TABLE, row["idx"]))
    rejected = list(_rows(package, layout.REJECTS_TABLE, row["idx"]))
    outcome, why = _outcome(label, tokens, examples, rejected)
    return {
        **{name: row[name] for name in _FACTS},
        "tokens": tokens,
        "label": label,
        "category": category,
        "outcome": outcome,
        "why": why,
        "examples": [{name: example[name] for name in _PLACE} for example in examples],
        "rejected": [
            {name: found[name] for name in ("candidate", "stage", "reason", "detail")}
            | {"meaning": REASONS.get(found["reason"], "")}
            for found in rejected
        ],
    }


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield an explanation as text."""
    yield f"{found['idx']}: {found['key']}"
    yield f"  group {found['group']}" + (f", batch {found['batch']}" if found["batch"] else "")
    for file, plane in zip(found["files"], found["planes"], strict=True):
        yield f"  file {file}" + (f", plane {plane}" if plane else "")
    if found["region"]:
        yield f"  box {found['region']}"
    for category, tokens in found["tokens"].items():
        for token in tokens:
            yield f"  {category}: {token['token']} ({token['why']})"
    label = f"{found['label']} ({found['category']})" if found["label"] else "none"
    yield f"  label: {label}"
    yield f"  {found['outcome']}: {found['why']}"
    for example in found["examples"]:
        window = "whole"
        if example["crop"]:
            window = f"[{example['y_min']}:{example['y_max']}, {example['x_min']}:{example['x_max']}]"
        place = f"{example['shard']}, row {example['position']}"
        yield f"  {example['split']} {example['path']}/{example['filename']} {window}: {place}"
    for gone in found["rejected"]:
        what = "whole" if gone["candidate"] in (None, -1) else f"crop {gone['candidate']}"
        yield f"  {what}: {gone['reason']} ({gone['meaning']})" + (f": {gone['detail']}" if gone["detail"] else "")


def _annotation(work: Store, image: str) -> Facts:
    """Find an image's row by idx or key.

    By idx only its source is read.
    """
    paths = [path for path in work.list(work_files.ANNOTATIONS) if path.endswith(".parquet")]
    if not paths or not work.exists(work_files.ASSIGNMENTS):
        raise UserError(f"{work.url} holds no annotations and labels; name the work folder of a build with --work")
    by_idx = work_files.annotations_path(image.rpartition("-")[0])
    found = _matching(work, by_idx, "idx", image) if by_idx in paths else []
    if not found:
        found = [row for path in sorted(paths) for row in _matching(work, path, "key", image)]
    if len(found) > 1:
        names = ", ".join(row["idx"] for row in found)
        raise UserError(f"{len(found)} images have the key {image!r}: {names}; name one of these")
    if not found:
        raise UserError(f"no image of {work.url}/{work_files.ANNOTATIONS} has the idx or key {image!r}")
    return found[0]


def _matching(work: Store, path: str, column: str, value: str) -> list[Facts]:
    with open_parquet(work, path) as stored:
        found = (batch.filter(pc.equal(batch[column], value)) for batch in stored.batches())
        return [row for batch in found for row in batch.to_pylist()]


def _tokens(row: Facts, classes: Mapping[tuple[str, str], int], recipe: Recipe) -> dict[str, list[Facts]]:
    columns_of: dict[str, list[str]] = {}
    for column, name in classes:
        columns_of.setdefault(name, []).append(column)
    found: dict[str, list[Facts]] = {}
    for category in CATEGORIES:
        name_of = naming(recipe, category)
        for token in (row[category] or "").split(TOKEN_SEPARATOR) if row[category] else ():
            label = name_of(token)
            entry: Facts = {"token": token, "label": label if (category, label) in classes else None}
            if label is None:
                why = "names no class: by the recipe, or by the vocabulary"
            elif (category, label) in classes:
                why = f"a class of {classes[category, label]:,} images"
            elif label in columns_of:
                why = f"no class here: {label} is one of {columns_of[label][0]}"
            else:
                why = f"no class: fewer than {recipe.min_images:,} images, or than were left by rarer labels"
            found.setdefault(category, []).append(entry | {"why": why})
    return found


def _outcome(
    label: str | None, tokens: Mapping[str, list[Facts]], examples: list[Facts], rejected: list[Facts]
) -> tuple[str, str]:
    if label is None:
        held = [token["label"] for found in tokens.values() for token in found if token["label"]]
        if held:
            return "not drawn", f"left out when images of {' and of '.join(held)} were drawn"
        return "no class", "none of its tokens is a class"
    if examples:
        return "in the package", f"{len(examples)} example{'s' * (len(examples) != 1)}"
    if rejected:
        return "dropped", ", ".join(dict.fromkeys(found["reason"] for found in rejected))
    return "not made yet", "the package does not know it: it is not finished, or was built from other labels"


def _rows(package: Store, path: str, idx: str) -> Iterator[Facts]:
    if package.exists(path):
        try:
            with package.open(path) as file:
                table = whole_table(file)
            found = table.filter(pc.equal(table["idx"], idx)).to_pylist()
        except MALFORMED as error:
            raise_of_machine(error)
            raise UserError(f"{package.url}/{path} cannot be read ({error}): verify the package") from None
        yield from found
