"""Tracing of an image to its source, pixels remade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.draw import Draw
from builder.engine.store import Store
from builder.errors import RejectedError, UserError
from builder.inspect.explain import Facts, explain, explain_example
from builder.package.data_files import data_batches
from builder.package.manifest import Manifest, read_manifest
from builder.pixels.candidates import candidates
from builder.pixels.read import read
from builder.pixels.resize import reduce
from builder.recipe import Recipe
from builder.sources import source_at
from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.stages import work_files
from builder.stages.annotate.annotate_source import image_number
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item
from cytoimagenet_reader import layout
from cytoimagenet_reader.layout import MANIFEST

_MOST_CROPS = 4  # draws are nested: the crops of a smaller number are among these


def facts_of(package: Store, work: Store, image: str, data: str | None) -> Facts:
    """Explain an image from WORK, or from package and source.

    The latter where WORK is not there; see `explain`.

    Raises
    ------
    UserError
        Where neither knows the image.
    """
    manifest = read_manifest(package) if package.exists(MANIFEST) else None
    if manifest is not None:
        _refuse_release(package, manifest)
    if work.list(work_files.ANNOTATIONS):
        return explain(work, package, image, Recipe.of(manifest["recipe"]) if manifest else Recipe())
    if data is None:
        raise UserError(f"{work.url} is no work folder of a build; name it with --work, or the sources with --data")
    record, _ = _record(image, data, {})
    return explain_example(package, image, record)


def remade(package: Store, found: Facts, data: str) -> list[Facts]:
    """Make an image's examples again and compare them.

    Returns filename, same and detail of each.
    """
    if not found["examples"]:
        return []
    _, traced = trace(package, found["idx"], data)
    return [{"filename": row["filename"], "same": same, "detail": detail} for row, same, detail in traced]


class Traced(NamedTuple):
    """An example and what its source files give today."""

    row: dict[str, Any]  # the example without its image
    same: bool | None  # are the pixels those made again? None where they could not be made
    detail: str


def trace(package: Store, idx: str, data: str, options: dict[str, Any] | None = None) -> tuple[Image, list[Traced]]:
    """Find an image's source record and make its examples again.

    Parameters
    ----------
    package : a finished package
    idx : ``<dir_name>-<number>``
    data : folder or URL that holds one folder per source

    Raises
    ------
    UserError
        Where the package has no such image, or DATA does not hold it.
    """
    manifest = read_manifest(package)
    _refuse_release(package, manifest)
    rows = list(_rows(package, manifest, idx))
    if not rows:
        raise UserError(f"{package.url} has no image {idx!r}; its metadata.parquet lists those it has")
    image, folder = _record(idx, data, options or {})
    recipe = Recipe.of(manifest["recipe"])
    made = _made_again(image, idx, folder.file_signature([]), data, options or {}, recipe)
    return image, [_compare(row, made, recipe) for row in rows]


def _refuse_release(package: Store, manifest: Manifest) -> None:
    if "release" in manifest["report"]:
        raise UserError(
            f"{package.url} was converted from the published release, whose numbers name no file of a source"
        )


def _rows(package: Store, manifest: dict[str, Any], idx: str) -> Iterator[dict[str, Any]]:
    for path, facts in manifest["files"].items():
        if not path.startswith(layout.DATA):
            continue
        try:
            with package.open(path) as file:
                for batch in data_batches(file, path):
                    found = batch.filter(pc.equal(batch.column("idx"), idx))
                    for row in found.to_pylist():
                        yield {**row, "split": facts["split"], "shard": path}
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            raise UserError(f"{package.url}/{path} cannot be read ({error}); see `cytoimagenet verify`") from None


def _record(idx: str, data: str, options: dict[str, Any]) -> tuple[Image, Folder]:
    dir_name, _, number = idx.rpartition("-")
    root = f"{data.rstrip('/')}/{dir_name}"
    source = source_at(root, dir_name, options)
    folder = Folder.listed(root, options)
    for image in source.images(folder):
        if image_number(image.key) == number.zfill(17):  # packages of before have no zeros in front
            return image, folder
    raise UserError(f"{data}/{dir_name} holds no image {idx}; is it the download that the package was built from?")


def _made_again(
    image: Image, idx: str, file_signature: int, data: str, options: dict[str, Any], recipe: Recipe
) -> dict[tuple[Any, ...], Any] | str:
    """Remake all candidates of an image, the whole image included.

    Returns {window: pixels}, or why there is none.
    """
    dir_name = idx.rpartition("-")[0]
    files, planes = tuple(c.path for c in image.channels), tuple(c.plane for c in image.channels)
    item = Item(idx, dir_name, files, planes, image.region, _MOST_CROPS, file_signature, image.size)
    with ChannelReader(data, options, recipe.max_pixels) as reader:
        [(_, channels, left_out, unavailable)] = reader.read_all([item])
    if unavailable is not None:
        raise unavailable
    made: dict[tuple[Any, ...], Any] = {}
    try:
        for crops in (_MOST_CROPS, 0):
            for found in candidates(channels, crops, Draw(recipe.seed, idx, "crops"), recipe) if channels else ():
                if found.pixels is not None:
                    made[found.x_min, found.x_max, found.y_min, found.y_max] = found.pixels
    except RejectedError as refused:
        return str(refused)
    return made or "; ".join(left_out) or "no channel"


def _compare(row: dict[str, Any], made: dict[tuple[Any, ...], Any] | str, recipe: Recipe) -> Traced:
    encoded = (row.pop("image") or {}).get("bytes")  # a package may be anyone's
    if isinstance(made, str):
        return Traced(row, None, made)
    again = made.get(tuple(row[name] for name in ("x_min", "x_max", "y_min", "y_max")))
    if again is None:
        return Traced(row, False, "the source files give no such crop today")
    if recipe.size:
        again = reduce(again, recipe.size)
    if encoded is None:
        return Traced(row, False, "the package holds no PNG of it")
    try:
        same = bool(np.array_equal(read(encoded), again))
    except RejectedError as refused:
        return Traced(row, False, f"its PNG cannot be read ({refused})")
    return Traced(row, same, "same pixels" if same else "other pixels: the files or the code changed")
