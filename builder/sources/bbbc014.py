"""BBBC014, translocation of NFkB in MCF7 and A549 cells (the page's title says U2OS): one record per file.

Channel 1 is NFkB (FITC), channel 2 the nuclei (DAPI): the page names them the other way round. The original called
both 'nucleus' and every well 'mcf7|a549'; here each channel says what it shows, rows A-D are mcf7 and E-H a549.

Open question: whether 'tnf-alpha' should be a compound (every column but perhaps one holds some; the original has
none).
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


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per BMP; the channels of a well share its group."""
    for path, _, match in named_files(folder, _NAME, "Channel 1-01-A-01-00.Bmp", ".bmp", place=anywhere):
        channel, number, row, column = match.groups()
        row = row.upper()
        yield Image(
            key=f"Channel {channel}-{number}-{row}-{column}",
            channels=(Channel(path, _STAIN[channel]),),
            group=f"{row}{column}",
            cell_type="mcf7" if row in "ABCD" else "a549",
            cell_visible=_STAIN[channel],
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
    constants={"organism": "human", "microscopy": "fluorescence"},
    expected_images=192,
    expected_tokens={"organism": 1, "cell_type": 2, "cell_visible": 2},
)
