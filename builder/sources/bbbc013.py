"""BBBC013, translocation of FKHR-GFP in U2OS cells: one 96-well plate, one record per file.

The original kept both channels and called both 'nucleus'; its own note wanted the FKHR channel left out. Here both are
kept, as records of their own, and each says what it shows: channel 1 the tagged protein ('fkhr'), channel 2 the
nucleus.

The original has no compound. The plate map gives it (set page; control wells as in CellProfiler's table of this plate,
which corrects the map of the ly294002 rows): rows A-D wortmannin, E-H ly294002, in columns 3 to 11; column 2, A-D 01
and E-H 12 hold no drug; the positive controls A-D 12 **and E-H 01** hold wortmannin. The release also comes as .FRM
files, which hold the same images and are not read.

Open question: none; the layout is certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"Channel[ _]?([12])-(\d\d)-([A-H])-(\d\d)\.bmp$", re.IGNORECASE)
_STAIN = {"1": "fkhr", "2": "nucleus"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per BMP; the channels of a well share its group."""
    for path, _, match in named_files(folder, _NAME, "Channel1-01-A-01.BMP", ".bmp", place=anywhere):
        channel, number, row, column = match.groups()
        row = row.upper()
        yield Image(
            key=f"Channel{channel}-{number}-{row}-{column}",
            channels=(Channel(path, _STAIN[channel]),),
            group=f"{row}{column}",
            cell_visible=_STAIN[channel],
            compound=_compound(row, int(column)),
        )


def _compound(row: str, column: int) -> str | None:
    """Return what the plate map says is in a well."""
    first_half = row in "ABCD"
    if column == 2 or column == (1 if first_half else 12):
        return None
    if first_half or column == 1:  # E-H 01: positive controls, wrong in the first map of these rows
        return "wortmannin"
    return "ly294002"


SOURCE = Source(
    dir_name="bbbc013",
    database="BBBC",
    name="Human U2OS cells cytoplasm-nucleus translocation",
    accession="BBBC013",
    url=page("BBBC013"),
    downloads=(download("BBBC013", "BBBC013_v1_images_bmp.zip", 32_404_692),),
    license=licenses.CC_BY_3,
    citation=(
        f"{COLLECTION} (image set BBBC013, provided by Ilya Ravkin); "
        "Logan & Carpenter, Journal of Biomolecular Screening 2010, doi:10.1177/1087057110370895"
    ),
    formats=("8-bit palette BMP, 640 x 640",),
    images=images,
    constants={"organism": "human", "cell_type": "u2os", "microscopy": "fluorescence"},
    expected_images=192,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2, "compound": 2},
)
