"""BBBC025, Cell Painting of RNAi: one record per file.

U2OS cells; five channels, as the original kept them. Layout:
``37983_Mito/cellpaintingfollowup-reimage_f08_s8_w5<uuid>.tif``, one folder per plate and channel (one for each archive
of the set). What a file shows is read from the folder; a file outside such a folder is counted and left out, as only
one channel number (w5, Mito) is known.

Specimen: a well, imaged at nine sites in five channels. The names say ``reimage``: the plates had been imaged before,
but the set holds one run, and any other would have the same plate and well, which are the group. The batch is the
plate.

Open questions: whether the archives unpack into folders of that name (else unpack each into one); the wells' genes:
315 shRNAs against 41 genes were used, but the set has no table of them, so there is no gene and no sirna.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, download, named_files, page
from builder.sources.common.folder import Folder
from builder.sources.common.screens import visible

_NAME = re.compile(r".*_([a-p]\d\d)_s(\d+)_w\d[0-9a-f-]{30,}\.tiff?$", re.IGNORECASE)
_PLACE = re.compile(r"(?:^|/)(3\d{4})_(ERSyto|ERSytoBleed|Hoechst|Mito|PhGolgi)(?:\.tar)?(?:\.gz)?(?=/)", re.IGNORECASE)
_SHOWS: Final = {
    "ersyto": "er",
    "ersytobleed": "nucleoli + cytoplasmic rna",
    "hoechst": "nucleus",
    "mito": "mitochondria",
    "phgolgi": "actin + golgi + cell membrane",
}
_PLATES: Final = ("37983", "38002", "38003", "38004", "38005", "38006", "38030", "38034")
_CHANNELS: Final = ("ERSyto", "ERSytoBleed", "Hoechst", "Mito", "PhGolgi")


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per TIFF."""
    layout = "37983_Mito/cellpaintingfollowup-reimage_f08_s8_w5<uuid>.tif"
    for path, place, match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=_PLACE.search):
        plate, channel, well, site = place[1], place[2].lower(), match[1].upper(), match[2]
        channels = (Channel(path, _SHOWS[channel]),)
        yield Image(
            key=f"{plate}_{well}_s{site}_{channel}",
            channels=channels,
            group=f"{plate}_{well}",
            cell_visible=visible(channels),
            batch=plate,
            well=well,
        )


SOURCE = Source(
    dir_name="bbbc025",
    database="BBBC",
    name="Human U2OS cells - RNAi Cell Painting experiment",
    accession="BBBC025",
    url=page("BBBC025"),
    downloads=tuple(
        download("BBBC025", f"DatasetS8/{plate}_{channel}.tar.gz") for plate in _PLATES for channel in _CHANNELS
    ),
    license=licenses.CC0,
    citation=f"Singh et al., PLoS ONE 2015, doi:10.1371/journal.pone.0131370; {COLLECTION} (image set BBBC025)",
    formats=("16-bit TIFF, 1080 x 1080",),
    images=images,
    specimen="a well",
    repeats="nine sites, five channels",
    batch_unit="plate",
    constants={"organism": "human", "cell_type": "u2os", "microscopy": "fluorescence"},
    expected_images=138_240,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 8},
)
