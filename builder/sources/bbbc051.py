"""BBBC051, human kidney cortex nuclei: one record per stack.

The middle of its 7 slices of 32 x 32 is used. Layout: ``<class>/All_3D/object_<id>_<x>__<y>__<z>_1.tif``, in one
folder per specimen (F33, F44, F59) where archives were unpacked apart; unpacked into one folder, the same class of
several specimens would overwrite each other. The class gives the cell_type. How the original flattened a stack is not
known; common readers take its first page, the rim of a nucleus. The original drew 800 images per cell_type; here all
are listed, and the labels' own draw does that work.

Specimen: a piece of kidney, imaged as one volume from which stacks of single nuclei were cut. Neighbouring nuclei
overlap in their stacks (about a quarter of them, across any border that one could draw), so the group, and the batch,
is the folder of the specimen. Stacks in no such folder are one group, counted, because any two may be neighbours.

Open questions: the meaning of the numbers in a name; the number of images (236,000 to 243,000); the licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import MIDDLE_PLANE, Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, download, named_files, page
from builder.sources.common.folder import Folder

_CELL_TYPE: Final = {
    "cd_cnt": "collecting duct",
    "dct": "distal convoluted tubule",
    "tal": "thick ascending limb",
    "nestin": "podocyte",
    "cd31glom": "endothelial",
    "cd31int": "endothelial",
    "s1s2": "proximal tubule segments",
    "s2s3": "proximal tubule segments",
    "cd45.0": "white blood cell",
    "cd45.1": "white blood cell",
    "cd45.2": "white blood cell",
}
_CLASSES: Final = "|".join(map(re.escape, _CELL_TYPE))
_CLASS = re.compile(rf"(?:^|/)({_CLASSES})/(?:All_3D/)?$", re.IGNORECASE)
_NAME = re.compile(r"(object_\d+_\d+__\d+__\d+_\d+)\.tiff?$", re.IGNORECASE)
_SPECIMEN = re.compile(r"(?:^|[/_ -])(F\d\d)(?=[/_ -])", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per stack."""
    layout = "CD_CNT/All_3D/object_38359_333__4395__44_1.tif"
    for path, (specimen, kind), match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=_place):
        if not specimen:
            folder.notes.add("stacks whose specimen is not known, one group", path)
        yield Image(
            key=f"{specimen}{kind} {match[1]}",
            channels=(Channel(path, "nucleus", MIDDLE_PLANE),),
            group=specimen.strip() or "all",
            cell_type=_CELL_TYPE[kind],
            batch=specimen.strip() or None,
        )


def _place(directory: str) -> tuple[str, str] | None:
    """Return the specimen and class of a folder, or None.

    The specimen ends in a blank and is empty where no folder says it; None without a class.
    """
    kind = _CLASS.search(directory)
    specimen = "".join(f"{found.upper()} " for found in _SPECIMEN.findall(directory)[-1:])
    return (specimen, kind[1].lower()) if kind else None


SOURCE = Source(
    dir_name="bbbc051",
    database="BBBC",
    name="Human kidney cortex cells",
    accession="BBBC051",
    url=page("BBBC051"),
    downloads=(download("BBBC051", "Images.zip"),),
    license=licenses.UNRESOLVED,
    citation=f"Woloshuk et al., Cytometry Part A 2021, doi:10.1002/cyto.a.24274; {COLLECTION} (image set BBBC051)",
    formats=("8-bit TIFF stacks, 7 x 32 x 32",),
    images=images,
    specimen="a piece of kidney",
    repeats="neighbouring nuclei overlap",
    batch_unit="specimen",
    single_object=True,
    constants={"organism": "human", "cell_visible": "nucleus", "microscopy": "confocal"},
    expected_tokens={"organism": 1, "cell_type": 7, "cell_visible": 1},
)
