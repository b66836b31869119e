"""Images of a source as rows, column by column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from builder import vocabulary
from builder.schema import ANNOTATIONS, CATEGORIES, EXTRA_TYPES, TOKEN_SEPARATOR, extra_problem, with_extras
from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder, LayoutError

SHARED_GROUP = "shared:"


def rows_schema(source: Source) -> pa.Schema:
    """Return ``ANNOTATIONS`` with the columns that a source adds.

    Raises
    ------
    LayoutError
        For a column that cannot be added.
    """
    for name, extra in source.extra.items():
        if problem := extra_problem(name, extra.type):
            raise LayoutError(f"{source.dir_name}: {problem}")
    added = [pa.field(name, EXTRA_TYPES[source.extra[name].type]) for name in sorted(source.extra)]
    return with_extras(ANNOTATIONS, added)


def rows_of(
    images: Sequence[Image], numbers: Sequence[int], source: Source, folder: Folder, simulated: bool
) -> pa.Table:
    """Return normalised rows, schema ``rows_schema(source)``.

    Parameters
    ----------
    images : at least one, each with a channel
    numbers : of the images, see ``image_number``
    """
    count, dir_name = len(images), source.dir_name
    of = dict(zip(Image._fields, zip(*images, strict=True), strict=True))
    paths, _, planes = zip(*chain.from_iterable(of["channels"]), strict=True)
    ends = pa.array([0, *accumulate(map(len, of["channels"]))], pa.int32())
    columns: dict[str, Any] = {
        "idx": [f"{dir_name}-{number:017d}" for number in numbers],
        "key": of["key"],
        "database": [source.database] * count,
        "name": [f"{source.name} (simulated)" if simulated else source.name] * count,
        "dir_name": [dir_name] * count,
        "channels": [TOKEN_SEPARATOR.join([channel.structure for channel in channels]) for channels in of["channels"]],
        "size": _lists(of["size"]),
        "files": pa.ListArray.from_arrays(ends, pa.array(paths, pa.string())),
        "planes": pa.ListArray.from_arrays(ends, pa.array(planes, pa.int32())),
        "region": _lists(of["region"]),
        "group": [_unit(dir_name, group) for group in of["group"]],
        "batch": [None if batch is None else _unit(dir_name, batch) for batch in of["batch"]],
        "single_object": [source.single_object or single for single in of["single_object"]],
        "well": of["well"],
        "control": of["control"],
        "pixel_size_um": [source.pixel_size_um if size is None else size for size in of["pixel_size_um"]],
        "timepoint": of["timepoint"],
        "z": of["z"],
        "license": [licenses.SIMULATED.id if simulated else source.license.id] * count,
        "file_signature": [signature(folder, image) for image in images],
    }
    for column in (*CATEGORIES, "microscopy"):
        fallback = vocabulary.normalize(column, source.constants.get(column))
        said = {value: vocabulary.normalize(column, value) for value in set(of[column])} | {None: fallback}
        columns[column] = [said[value] for value in of[column]]
    for name in source.extra:
        columns[name] = [None if extra is None else extra.get(name) for extra in of["extra"]]
    return pa.table(columns, schema=rows_schema(source))


def signature(folder: Folder, image: Image) -> int:
    """Return a hash of the image's files and read parameters.

    The parameters are planes, box and stated size.
    """
    paths, planes = [channel.path for channel in image.channels], [channel.plane for channel in image.channels]
    taken = repr((paths, planes, image.region and tuple(image.region), image.size and tuple(image.size)))
    digest = hashlib.blake2b(taken.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return folder.file_signature(paths) ^ int.from_bytes(digest, "big") >> 1


def _lists(values: Iterable[Iterable[int] | None]) -> list[list[int] | None]:
    return [None if value is None else list(value) for value in values]


def _unit(dir_name: str, name: str) -> str:
    """Return a group's or batch's name, unique among all sources.

    Those that several sources hold keep their names.
    """
    return name if name.startswith(SHARED_GROUP) else f"{dir_name}:{name}"
