"""Kinome Atlas: HeLa cells with one tagged kinase each, one record per TIFF.

The download is a zip an image, ``53464.zip`` with ``53464.tif``; one folder of unpacked files, or one per image, does.
Nothing in it names the kinase. The original noted the family of each from the library's group pages, in
``cil_kinome_mapping.csv``, and then gave every image the one term kinase, which is all that is used here, so that the
mapping is not needed. Numbers run from 53366 to 54562 with gaps; other TIFFs are not taken for images of this set.

Open questions: which two images show one kinase (each kinase has two views; a file of one is a group here, so that the
two views may fall on both sides of a split); bit depth, and whether a file holds one page or several (the first is
read); the licence, which the library states an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood

_NAME = re.compile(r"(?:^|/)0*(\d+)\.tiff?$", re.IGNORECASE)
_FIRST, _LAST = 53_366, 54_562


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per TIFF."""
    found = 0
    for path in folder.paths(".tif", ".tiff"):
        match = _NAME.search(path)
        if not match or not _FIRST <= int(match[1]) <= _LAST:
            folder.notes.add("files without a known name", path)
            continue
        found += 1
        yield Image(key=match[1], channels=(Channel(path, "kinase"),), group=match[1])
    folder.notes.add_all("archives that may still need unpacking", () if found else folder.paths(".zip"))
    check_understood(folder, found, f"<number from {_FIRST} to {_LAST}>.tif, unpacked from the zips")


SOURCE = Source(
    dir_name="cil_kinome",
    database="CIL",
    name="Kinome Atlas",
    accession="kinome_atlas",
    url="https://cellimagelibrary.org/pages/kinome_atlas",
    downloads=(Download("https://cellimagelibrary.org/pages/kinome_atlas"),),
    license=licenses.UNSTATED,
    citation="Zhang et al., A subcellular map of the human kinome, eLife 2021, doi:10.7554/eLife.64943",
    formats=("TIFF, 1024 x 1024",),
    images=images,
    constants={"organism": "human", "cell_type": "hela", "cell_visible": "kinase", "microscopy": "confocal"},
    expected_images=908,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 1},
)
