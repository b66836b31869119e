"""A folder a class: what ``imagefolder`` reads, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.ome_zarr import ome_images
from builder.sources.declared.declaration import Files
from builder.sources.declared.gather import Found
from builder.sources.declared.image_files import DEFAULT, image_files
from builder.sources.declared.non_images import NonImages

FACTS: Final = ("class", "folder", "file")
"""What the path of such an image says: its class, the folder that holds it, its name without the ending."""


def class_files(folder: Folder, files: Files) -> Iterator[Found]:
    """Yield the images with the facts ``FACTS``.

    Images that lie in no class folder are noted.

    Raises
    ------
    LayoutError
        At the end, where no image lies in a folder.
    """
    inside = ome_images(folder)
    non_images = NonImages(files, None)
    found, outside = 0, []
    directory, named = "", ("", "")
    for path in non_images.left(image_files(folder, files.suffixes or DEFAULT), folder.notes):
        slash = path.rfind("/")
        if found and not inside and path[:slash] == directory:
            found += 1
            yield Found((*named, path[slash + 1 :].rpartition(".")[0]), {"": path})
            continue
        store = inside[path].root if path in inside else path  # a plate is one thing, which lies in a class folder
        *folders, name = store.split("/")
        if len(folders) < max(1, files.class_level):
            folder.notes.add("files in no class folder", path)
            outside.append(path)
            continue
        found += 1
        directory, named = path[:slash], (folders[files.class_level - 1], folders[-1])
        yield Found((*named, name.rpartition(".")[0] + path[len(store) :]), {"": path})
    if outside and not found:
        raise LayoutError(
            f"{folder.root}: class_folders wants a folder a class with images in it; found {', '.join(outside[:3])}"
        )
