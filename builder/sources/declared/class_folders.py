"""A folder a class: what ``imagefolder`` reads, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.ome_zarr import ome_images
from builder.sources.declared.blocks import Block
from builder.sources.declared.declaration import Files
from builder.sources.declared.image_files import DEFAULT, image_files
from builder.sources.declared.non_images import NonImages

FACTS: Final = ("class", "folder", "file")
"""What the path of such an image says: its class, the folder that holds it, its name without the ending."""


def class_files(folder: Folder, files: Files) -> Iterator[Block]:
    """Yield the images with the facts ``FACTS``.

    Images that lie in no class folder are noted.

    Raises
    ------
    LayoutError
        At the end, where no image lies in a folder.
    """
    roots = {path: image.root for path, image in ome_images(folder).items()}
    non_images = NonImages(files, None)
    found = False
    outside: list[str] = []
    for paths in non_images.left(image_files(folder, files.suffixes or DEFAULT), folder.notes):
        stores = [roots.get(path, path) for path in paths] if roots else paths  # a plate is one thing
        above = [store[: store.rfind("/") + 1] for store in stores]
        named = {path: _classes(path, files.class_level) for path in set(above)}
        if None in named.values():
            lost = [path for path, lies in zip(paths, above, strict=True) if named[lies] is None]
            folder.notes.add_all("files in no class folder", lost)
            outside += lost[: 3 - len(outside)]
            kept = [n for n, lies in enumerate(above) if named[lies] is not None]
            paths, stores, above = ([column[n] for n in kept] for column in (paths, stores, above))
        if not paths:
            continue
        found = True
        classes, folders = zip(*[named[lies] or ("", "") for lies in above], strict=True)
        names = [store[len(lies) :].rpartition(".")[0] for store, lies in zip(stores, above, strict=True)]
        if roots:
            names = [name + path[len(store) :] for name, path, store in zip(names, paths, stores, strict=True)]
        yield Block(len(paths), (classes, folders, names), ("",), (paths,))
    if outside and not found:
        raise LayoutError(
            f"{folder.root}: class_folders wants a folder a class with images in it; found {', '.join(outside)}"
        )


def _classes(above: str, level: int) -> tuple[str, str] | None:
    """Return a class and the last folder.

    None where a path has too few folders."""
    folders = above.split("/")[:-1]
    return (folders[level - 1], folders[-1]) if len(folders) >= max(1, level) else None
