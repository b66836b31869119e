"""BBBC006, U2OS cells in best focus: one record per file.

Each stain is a record of its own; the set has 34 focal planes. The original used the archive of plane 16 only and
called both stains 'nucleus'; here w2 says what it shows, actin. Where plane 16 of an image is not there, the nearest
plane that is stands in for it (the higher of two equally near); the others are counted and left out. A file's plane is
known by its folder (``…_z_16``) and taken as 16 without one. The label images of the set have no ``_w`` in their names
and so are no images.

Specimen: a well, imaged at two sites, in two stains and 34 planes; one plane of each is taken, and the group is the
well. The set is one plate, named by the stack (``03212011``), which is the batch. BBBC005 was simulated after these
cells and shares no pixels with them.

Open question: whether w2 files exist in every plane (only w1 of plane 0 was seen).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_BEST_PLANE: Final = 16
_NAME = re.compile(r"mcf-z-stacks-(\d+)_([a-p]\d\d)_s(\d)_w([12])[0-9a-f-]{30,}\.tiff?$", re.IGNORECASE)
_PLANE = re.compile(r"_z_(\d+)(?=/)")
_STAIN = {"1": "nucleus", "2": "actin"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per stain of a field."""
    best: dict[str, tuple[int, str, re.Match[str]]] = {}
    layout = "BBBC006_v1_images_z_16/mcf-z-stacks-03212011_a01_s1_w1<uuid>.tif"
    for path, _, match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=anywhere):
        planes = _PLANE.findall(path)
        distance = 2 * abs(int(planes[-1]) - _BEST_PLANE) - (int(planes[-1]) > _BEST_PLANE) if planes else 0
        stack, well, site, stain = match.groups()
        key = f"{stack}_{well.lower()}_s{site}_w{stain}"
        if key in best:
            worse = path if best[key][0] <= distance else best[key][1]
            folder.notes.add("focal planes farther from the best one, left out", worse)
        if key not in best or distance < best[key][0]:
            best[key] = (distance, path, match)
    for key, (_, path, match) in best.items():
        shows = _STAIN[match[4]]
        planes = _PLANE.findall(path)
        yield Image(
            key=key,
            channels=(Channel(path, shows),),
            group=match[2].upper(),
            cell_visible=shows,
            batch=match[1],
            well=match[2].upper(),
            z=int(planes[-1]) if planes else None,
        )


SOURCE = Source(
    dir_name="bbbc006",
    database="BBBC",
    name="Human U2OS cells (out of focus)",
    accession="BBBC006",
    url=page("BBBC006"),
    downloads=(download("BBBC006", "BBBC006_v1_images_z_16.zip", 800_000_000),),
    license=licenses.CC0,
    citation=(
        f"{COLLECTION} (image set BBBC006); "
        "Bray et al., Journal of Biomolecular Screening 2011, doi:10.1177/1087057111420292"
    ),
    formats=("16-bit TIFF (12 bits used), LZW, 696 x 520",),
    images=images,
    specimen="a well",
    repeats="two sites, two stains, 34 focal planes of which one is taken",
    batch_unit="plate",
    constants={"organism": "human", "cell_type": "u2os", "microscopy": "fluorescence"},
    expected_images=1_536,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2},
)
