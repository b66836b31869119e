"""BBBC015, transfluor assay in U2OS cells: one record per file.

The assay shows arrestin-GFP. Names are ``<well>_<field>_<channel>.JPG``. One channel is green (arrestin, at receptors
of the cell membrane), one crimson (nuclei); which of 0 and 1 is which is not known. The original called both
'nucleus|cell membrane'; as each shows only one of the two, here neither says. The page names the agonist of all wells,
isoproterenol in 12 dilutions; the original has no compound.

Specimen: a well, imaged at four fields in two channels, which is the group. Wells are numbered row by row, 49 to 84:
E01 to G12 of a 96-well plate (BBBC013, of the same maker, writes number and name side by side). All are of one plate,
the batch.

Open questions: which channel is which; whether one column holds no agonist (the plate map would say).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder
from builder.sources.common.wells import numbered_well

_NAME = re.compile(r"(\d[1-9]|[1-9]\d)_(\d)_([01])\.jpe?g$", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per JPEG, grouped by well."""
    for path, _, match in named_files(folder, _NAME, "49_1_0.JPG", ".jpg", ".jpeg", place=anywhere):
        well, field, channel = match.groups()
        yield Image(
            key=f"{well}_{field}_{channel}",
            channels=(Channel(path, "unknown stain"),),
            group=well,
            batch="plate",
            well=numbered_well(int(well), 12),
        )


SOURCE = Source(
    dir_name="bbbc015",
    database="BBBC",
    name="Human U2OS cells transfluor",
    accession="BBBC015",
    url=page("BBBC015"),
    downloads=(download("BBBC015", "BBBC015_v1_images.zip", 23_000_000),),
    license=licenses.CC_BY_3,
    citation=f"{COLLECTION} (image set BBBC015, provided by Ilya Ravkin)",
    formats=("8-bit RGB JPEG with equal channels, 1000 x 768",),
    images=images,
    specimen="a well",
    repeats="four fields, two channels",
    batch_unit="plate",
    constants={
        "organism": "human",
        "cell_type": "u2os",
        "compound": "isoproterenol",
        "microscopy": "fluorescence",
    },
    expected_images=288,
    expected_tokens={"organism": 1, "cell_type": 1, "compound": 1},
)
