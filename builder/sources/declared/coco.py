"""COCO JSON as a table.

A row is a box, or an image without any (https://cocodataset.org/#format-data).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from builder.sources.common.folder import LayoutError

BOX: Final = ("x", "y", "width", "height")
COLUMNS: Final = ("file_name", "category", *BOX)
_COCO: Final = re.compile(r'^\s*\{.*?"(?:images|annotations|categories|info|licenses)"\s*:', re.DOTALL)


def is_coco(text: str) -> bool:
    """Return whether a JSON text begins as COCO does.

    COCO is an object with lists of images and annotations.
    """
    return _COCO.match(text[:4096]) is not None


def coco_rows(text: str, where: str) -> tuple[list[str], Iterable[Sequence[str]]]:
    """Return the header and the rows of COCO annotations.

    The columns are the file, the category, and the box's corner and size.

    Raises
    ------
    LayoutError
        For JSON that is not COCO, and for a box that is not four values.
    """
    try:
        value: dict[str, Any] = json.loads(text)
        names = {category["id"]: str(category["name"]) for category in value["categories"]}
        files = {image["id"]: str(image["file_name"]) for image in value["images"]}
        rows = [
            (files[found["image_id"]], names[found["category_id"]], *map(str, found["bbox"]))
            for found in value["annotations"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise LayoutError(f"{where}: no COCO file ({type(error).__name__}: {error})") from None
    for file, _, *box in rows:
        if len(box) != len(BOX):
            raise LayoutError(f"{where}: a box of {file} is [{', '.join(box)}], not [{', '.join(BOX)}]")
    return list(COLUMNS), rows
