"""BBBC041, blood smears with P. vivax: one record per box.

A record is a bounding box, cut from the photograph of the smear. ``training.json`` and ``test.json`` list photographs
and the boxes of their cells. As in the original, a record is named ``<uuid>_<n>``, n counting a photograph's boxes from
1, and its cell_type is the box's category. The original looked for every photograph as PNG and so lost the test set,
which is JPEG; here one is found by the name in the list. A box marked 'difficult' says that nobody could tell: it has
no cell_type here (the original made it one). Boxes that reach over the border are clipped. Boxes count pixels of the
image as it is seen, so files are turned by their orientation; where a file is not as large as its entry's ``shape``
says, its boxes are refused.

Specimen: a photograph of a smear, whose boxes may overlap; all are one group, each shows one cell. The lists give
each file's MD5: files that are equal under two names are one group, called after the first in the lists. Which
photographs are of one smear or patient, or overlap, is not stated; nor is a batch.

Open question: what photographs without an entry in the lists are; they are counted and left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from builder.sources.base import Channel, Image, Region, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, download, page
from builder.sources.common.folder import Folder, LayoutError

_LISTS = ("training.json", "test.json")
_MD5 = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per box, training before test."""
    files = {path.rpartition("/")[2].lower(): path for path in folder.paths(".png", ".jpg", ".jpeg")}
    unlisted = dict(files)
    same: dict[str, str] = {}  # checksum -> the first file with it
    lists = [path for name in _LISTS for path in folder.named(name)[:1]]
    if files and not lists:
        raise LayoutError(f"{folder.root}: looked for {' and '.join(_LISTS)}; found {len(files)} images only")
    for table in lists:
        for where, entry in enumerate(_entries(folder, table)):
            try:
                name, checksum = entry["image"]["pathname"], str(entry["image"].get("checksum") or "")
                boxes = list(entry["objects"])
                shape = entry["image"].get("shape")
                size = (int(shape["c"]), int(shape["r"])) if shape else None
            except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
                folder.notes.add("malformed entries", f"{table}, entry {where}: {error!r}")
                continue
            stem = _stem(str(name))
            group = same.setdefault(checksum, stem) if _MD5.fullmatch(checksum) else stem
            path = _file(folder, table, str(name), files)
            if path is not None:
                unlisted.pop(path.rpartition("/")[2].lower(), None)
                yield from _boxes(folder, path, group, boxes, size)
    folder.notes.add_all("files without a row", unlisted.values())


def _entries(folder: Folder, table: str) -> list[Any]:
    try:
        entries = json.loads(folder.read_text(table))
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"{folder.root}/{table}: not JSON ({error})") from None
    if not isinstance(entries, list):
        raise LayoutError(f"{folder.root}/{table}: looked for a list of images, found {type(entries).__name__}")
    return entries


def _file(folder: Folder, table: str, name: str, files: dict[str, str]) -> str | None:
    """Return the file that a list names, or None.

    Looked for beside the list, else anywhere under its own name; a note says where there is none.
    """
    if ".." in name.replace("\\", "/").split("/"):
        folder.notes.add("paths that leave the source", f"{table}: {name}")
        return None
    beside = f"{table.rpartition('/')[0]}/{name.lstrip('/')}".lstrip("/")
    path = beside if beside in folder else files.get(name.rpartition("/")[2].lower())
    if path is None:
        folder.notes.add("rows without a file", f"{table}: {name}")
    return path


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _boxes(folder: Folder, path: str, group: str, boxes: list[Any], size: tuple[int, int] | None) -> Iterator[Image]:
    width, height = size or (1 << 30, 1 << 30)
    for number, box in enumerate(boxes, start=1):
        key = f"{_stem(path)}_{number}"
        try:
            low, high = box["bounding_box"]["minimum"], box["bounding_box"]["maximum"]
            region = Region(
                x_min=max(0, int(low["c"])),
                x_max=min(width, int(high["c"])),
                y_min=max(0, int(low["r"])),
                y_max=min(height, int(high["r"])),
            )
            category = str(box["category"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            folder.notes.add("malformed entries", f"{key}: {error!r}")
            continue
        if region.x_min >= region.x_max or region.y_min >= region.y_max:
            folder.notes.add("empty boxes", f"{key}: {tuple(region)}")
            continue
        yield Image(
            key=key,
            channels=(Channel(path, "brightfield"),),
            group=group,
            cell_type=None if category.strip().lower() == "difficult" else category,
            region=region,
            size=size,
        )


SOURCE = Source(
    dir_name="bbbc041",
    database="BBBC",
    name="P. vivax (malaria) infected human blood smears",
    accession="BBBC041",
    url=page("BBBC041"),
    downloads=(download("BBBC041", "malaria.zip", 2_260_000_000),),
    license=licenses.CC_BY_NC_SA_3,
    citation=f"{COLLECTION} (image set BBBC041, provided by Jane Hung)",
    formats=("8-bit RGB PNG, 1600 x 1200 (training)", "8-bit RGB JPEG, 1944 x 1383 (test)"),
    images=images,
    specimen="a photograph of a blood smear",
    repeats="boxes of one photograph may overlap",
    batch_unit="not stated",
    single_object=True,
    constants={"organism": "human", "microscopy": "brightfield"},
    expected_images=86_035,
    expected_tokens={"organism": 1, "cell_type": 6},
)
