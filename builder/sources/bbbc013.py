"""BBBC013, FKHR-GFP translocation in U2OS cells: one record per file.

The set is one 96-well plate. The original kept both channels and called both 'nucleus'; its own note wanted the FKHR
channel left out. Here both are kept, as records of their own, and each says what it shows: channel 1 the tagged protein
('fkhr'), channel 2 the nucleus.

The original has no compound. The plate map gives it (set page; control wells as in CellProfiler's table of this plate,
which corrects the map of the ly294002 rows): rows A-D wortmannin, E-H ly294002, in columns 3 to 11; column 2, A-D 01
and E-H 12 hold no drug, the negative controls; the positive controls A-D 12 **and E-H 01** hold wortmannin. The
release also comes as .FRM files, which hold the same pixels and are not read.

Specimen: a well, imaged once in two channels, which is the group. All wells are of one plate, the batch.
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
    """Yield one image per BMP, grouped by well."""
    for path, _, match in named_files(folder, _NAME, "Channel1-01-A-01.BMP", ".bmp", place=anywhere):
        channel, number, row, column = match.groups()
        row = row.upper()
        yield Image(
            key=f"Channel{channel}-{number}-{row}-{column}",
            channels=(Channel(path, _STAIN[channel]),),
            group=f"{row}{column}",
            cell_visible=_STAIN[channel],
            compound=_compound(row, int(column)),
            batch="plate",
            well=f"{row}{column}",
            control=_control(row, int(column)),
        )


def _compound(row: str, column: int) -> str | None:
    """Return what the plate map says is in a well."""
    control = _control(row, column)
    if control == "negative":
        return None
    return "wortmannin" if row in "ABCD" or control == "positive" else "ly294002"


def _control(row: str, column: int) -> str | None:
    """Return the kind of control in a well, or None.

    E-H 01 are positive controls, wrong in the first map of these rows.
    """
    without_drug, with_drug = (1, 12) if row in "ABCD" else (12, 1)
    if column in (2, without_drug):
        return "negative"
    return "positive" if column == with_drug else None


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
    specimen="a well",
    repeats="two channels; .FRM copies are not read",
    batch_unit="plate",
    constants={"organism": "human", "cell_type": "u2os", "microscopy": "fluorescence"},
    expected_images=192,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2, "compound": 2},
)
