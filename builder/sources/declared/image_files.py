"""Image files of a folder, OME-Zarr images among them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import SUFFIXES, ome_images
from builder.sources.common.screens import IMAGE_SUFFIXES

VENDOR: Final = (".czi", ".nd2", ".lif", ".lof", ".vsi")
DEFAULT: Final = (*IMAGE_SUFFIXES, ".lsm", ".stk", ".r3d", ".c01", *VENDOR, *SUFFIXES)
"""Endings of what is taken for an image where a declaration does not say."""
NOT_READ: Final = (".oib", ".oif", ".oir", ".zvi", ".ims", ".sld", ".sldy", ".lei", ".mvd2")
"""Endings of microscopes' files that nothing here reads."""
CONVERT: Final = "bioformats2raw NAME NAME.zarr makes OME-Zarr of it, which is read"


def not_read(folder: Folder) -> str:
    """Return advice on files that are not read, or ""."""
    found = sorted({path[path.rindex(".") :].lower() for path in folder.paths(*NOT_READ)})
    return f" ({', '.join(found)} is not read; {CONVERT})" if found else ""


def image_files(folder: Folder, suffixes: Sequence[str] = DEFAULT) -> Iterator[str]:
    """Yield the paths of images with these endings, sorted.

    That of a field of a plate is its store's, its well's and its own: ``P1.zarr/A/1/0``.
    """
    single = [suffix for suffix in suffixes if suffix.lower() not in SUFFIXES]
    stores = tuple(suffix.lower() for suffix in suffixes if suffix.lower() in SUFFIXES)
    paths = folder.paths(*single) if single else iter(())
    images = ome_images(folder) if stores else {}
    if not images:
        return paths
    return heapq.merge(paths, [path for path, image in images.items() if image.root.lower().endswith(stores)])
