"""Kinome Atlas, kinases in HeLa cells: one record per TIFF.

One tagged kinase each. The download is one zip per image, ``53464.zip`` with ``53464.tif``; one folder of unpacked
files, or one per image, does. Nothing in it names the kinase. The original noted the family of each from the library's
group pages, in ``cil_kinome_mapping.csv`` (``53464.zip,AGC``), and then gave every image the one term kinase, as is
done here. Numbers run from 53366 to 54562 with gaps; other TIFFs are not taken for images of this set.

Specimen: cells with one tagged kinase. Each kinase has two views, and which two images they are is not stated. Both
are of one family: where the mapping lies in the folder and names every image, the group is the family; without it all
images are one group, which no split can divide. Sessions are not stated, so there is no batch.

Open questions: which two images show one kinase; bit depth, and whether a file holds one page or several (the first is
read); the licence, which the library states per image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood
from builder.sources.common.tables import read_table

_NAME = re.compile(r"(?:^|/)0*(\d+)\.tiff?$", re.IGNORECASE)
_FIRST, _LAST = 53_366, 54_562
_MAPPING = "cil_kinome_mapping.csv"


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per TIFF."""
    found: list[tuple[str, str]] = []
    for path in folder.paths(".tif", ".tiff"):
        match = _NAME.search(path)
        if not match or not _FIRST <= int(match[1]) <= _LAST:
            folder.notes.add("files without a known name", path)
            continue
        found.append((match[1], path))
    folder.notes.add_all("archives that may still need unpacking", () if found else folder.paths(".zip"))
    families = _families(folder)
    strays = [path for number, path in found if number not in families]
    if families:
        folder.notes.add_all("images that the mapping does not name, so that all are one group", strays)
    for number, path in found:
        yield Image(number, (Channel(path, "kinase"),), group="all" if strays else families[number])
    check_understood(folder, len(found), f"<number from {_FIRST} to {_LAST}>.tif, unpacked from the zips")


def _families(folder: Folder) -> dict[str, str]:
    """Return image number -> kinase family, from the original's mapping.

    Empty where the mapping is not there.
    """
    families = {}
    for table in folder.named(_MAPPING)[:1]:
        for name, family in read_table(folder, table, ("file_name", "kinase")):
            number = name.lower().removesuffix(".zip").lstrip("0")
            if number.isdecimal() and family:
                families[number] = family.lower()
            else:
                folder.notes.add("malformed rows", f"{table}: {name} {family}")
    return families


SOURCE = Source(
    dir_name="cil_kinome",
    database="CIL",
    name="Kinome Atlas",
    accession="kinome_atlas",
    url="https://cellimagelibrary.org/pages/kinome_atlas",
    downloads=(Download("https://cellimagelibrary.org/pages/kinome_atlas"),),
    license=licenses.UNRESOLVED,
    citation="Zhang et al., A subcellular map of the human kinome, eLife 2021, doi:10.7554/eLife.64943",
    formats=("TIFF, 1024 x 1024",),
    images=images,
    specimen="cells with one tagged kinase",
    repeats="two views per kinase, not told which",
    batch_unit="not stated",
    constants={"organism": "human", "cell_type": "hela", "cell_visible": "kinase", "microscopy": "confocal"},
    expected_images=908,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 1},
)
