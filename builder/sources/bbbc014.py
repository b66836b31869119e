"""BBBC014, NFkB translocation in MCF7 and A549 cells.

One record per file. The page's title says U2OS. Channel 1 is NFkB (FITC), channel 2 the nuclei (DAPI): the page names
them the other way round. The original called both 'nucleus' and every well 'mcf7|a549'; here each channel says what it
shows, rows A-D are mcf7 and E-H a549.

The original has no compound. The official table of the plate gives TNF-alpha in half-logarithmic steps from 1e-7 molar
in column 1, the positive controls, to 1e-12 in column 11. Column 12, the negative controls, breaks the series with
1e-13, what a logarithmic axis writes for none: those wells have no compound.

Specimen: a well, imaged once in two channels, which is the group. All wells are of one plate, the batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"Channel[ _]?([12])-(\d\d)-([A-H])-(\d\d)-\d\d\.bmp$", re.IGNORECASE)
_STAIN = {"1": "nfkb", "2": "nucleus"}
_STRONGEST, _NO_DRUG = 1, 12  # columns


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per BMP, grouped by well."""
    for path, _, match in named_files(folder, _NAME, "Channel 1-01-A-01-00.Bmp", ".bmp", place=anywhere):
        channel, number, row, column = match.groups()
        row = row.upper()
        yield Image(
            key=f"Channel {channel}-{number}-{row}-{column}",
            channels=(Channel(path, _STAIN[channel]),),
            group=f"{row}{column}",
            cell_type="mcf7" if row in "ABCD" else "a549",
            cell_visible=_STAIN[channel],
            compound=None if int(column) == _NO_DRUG else "tnf-alpha",
            batch="plate",
            well=f"{row}{column}",
            control={_STRONGEST: "positive", _NO_DRUG: "negative"}.get(int(column)),
        )


SOURCE = Source(
    dir_name="bbbc014",
    database="BBBC",
    name="Human U2OS cells cytoplasm-nucleus translocation (2)",
    accession="BBBC014",
    url=page("BBBC014"),
    downloads=(download("BBBC014", "BBBC014_v1_images.zip", 121_000_000),),
    license=licenses.CC_BY_3,
    citation=f"{COLLECTION} (image set BBBC014, provided by Ilya Ravkin)",
    formats=("8-bit palette BMP, 1360 x 1024",),
    images=images,
    specimen="a well",
    repeats="two channels",
    batch_unit="plate",
    constants={"organism": "human", "microscopy": "fluorescence"},
    expected_images=192,
    expected_tokens={"organism": 1, "cell_type": 2, "cell_visible": 2, "compound": 1},
)
