"""BBBC026, human hepatocytes on murine fibroblasts: one record per file.

There is one stain (Hoechst). Every image shows both kinds of cells, so organism and cell_type name both, as in the
original. Seed points of the ground truth (``GT_images``) may bear the names of images and are told apart by their
folder. Columns 01 and 23 differ in the number of hepatocytes, which is no label and no control.

Specimen: a well, imaged once at nine sites; the group is plate and well. The set is one plate
(``ADSASS092408-GHAD2-D6-20x``), the batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"([^/]+)_([A-P]\d\d)_s(\d)_w1[0-9A-F-]{30,}\.png$", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per PNG."""
    layout = "ADSASS092408-GHAD2-D6-20x_A01_s1_w1<UUID>.png"
    for path, _, match in named_files(folder, _NAME, layout, ".png", place=anywhere):
        plate, well, site = match[1], match[2].upper(), match[3]
        yield Image(
            key=f"{plate}_{well}_s{site}",
            channels=(Channel(path, "nucleus"),),
            group=f"{plate}_{well}",
            batch=plate,
            well=well,
        )


SOURCE = Source(
    dir_name="bbbc026",
    database="BBBC",
    name="Human Hepatocyte and Murine Fibroblast cells - Co-culture experiment",
    accession="BBBC026",
    url=page("BBBC026"),
    downloads=(download("BBBC026", "BBBC026_v1_images.zip", 402_000_000),),
    license=licenses.CC_BY_3,
    citation=f"Logan et al., Methods 2016, doi:10.1016/j.ymeth.2015.12.002; {COLLECTION} (image set BBBC026)",
    formats=("8-bit PNG, 1392 x 1040",),
    images=images,
    specimen="a well",
    repeats="nine sites",
    batch_unit="plate",
    constants={
        "organism": "human|mouse",
        "cell_type": "hepatocyte|fibroblast",
        "cell_visible": "nucleus",
        "microscopy": "fluorescence",
    },
    expected_images=864,
    expected_tokens={"organism": 2, "cell_type": 2, "cell_visible": 1},
)
