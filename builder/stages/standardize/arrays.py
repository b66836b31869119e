"""Files of Zarr arrays that planes need, read in full.

The array's files are listed again first: which there are decides what a missing chunk means.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

from builder.engine.store import Store
from builder.engine.trees import ArrayKey, Tree, digest_of
from builder.errors import RejectedError
from builder.pixels.formats import zarr_array
from builder.pixels.formats.zarr_array import ArrayFiles
from builder.stages.standardize.patience import retry_read, whole

_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError)  # the last: a compression that zipfile lacks


class Planes(NamedTuple):
    """Planes of an array that one image needs.

    Parameters
    ----------
    name : ``<dir_name>/<ArrayKey>``
    numbers : of the planes
    """

    name: str
    numbers: tuple[int, ...]


def read_array(store: Store, planes: Planes, max_pixels: int, refuse_large: Callable[[int], None]) -> ArrayFiles:
    """Return the files that planes of an array need.

    Parameters
    ----------
    refuse_large : called with the size of a file in bytes; raises where it is too large to be read

    Raises
    ------
    RejectedError
        For what the metadata or an archive's bytes say.
    UnavailableError
        Where a file cannot be read, or there are other files than when they were listed.
    """
    key = ArrayKey.parse(planes.name)
    where = f"{store.url}/{key.path}"
    try:
        with retry_read(where, lambda: Tree(store, key.path)) as tree:
            sizes = retry_read(where, lambda: _listed(tree, key))

            def read(rel: str) -> bytes:
                refuse_large(sizes[rel])
                given = tree.reader(rel)
                return retry_read(f"{where}/{rel}", lambda: whole(given(), sizes[rel]))

            metadata = {name: read(name) for name in zarr_array.METADATA if name in sizes}
            wanted = zarr_array.needed(metadata, planes.numbers, key.project, max_pixels)
            return ArrayFiles(metadata, {rel: read(rel) for rel in wanted if rel in sizes}, key.project, key.fill)
    except _DAMAGED as error:
        raise RejectedError("unreadable", f"{key.path}: {type(error).__name__}: {error}") from error


def _listed(tree: Tree, key: ArrayKey) -> dict[str, int]:
    sizes = tree.sizes()
    if digest_of(sizes) != key.listed:
        raise EOFError("its files are not those that were listed: some came or went, or a listing is not whole")
    return sizes
