"""BBBC010, C. elegans live/dead assay: one record per file.

The page says that channel 1 is brightfield and channel 2 GFP. The files are the other way round: w1 is the
fluorescence image, w2 brightfield. Columns 1 to 12 were treated with ampicillin and live ('wildtype', the original's
word), columns 13 to 24 are dead. As in the original, fluorescence shows the intestine, and no compound is given:
ampicillin kept the worms alive, nothing more.

Specimen: a well of worms, imaged once in two channels; the group is the plate and well, the batch the plate, whose
name the files bear. Their own text states a 2x objective and 2 x 2 binning but no camera, so the pixel size is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"([^/]*_)?([A-E])(\d\d)_w([12])_\[?[0-9A-F-]{30,}\]?\.tiff?$", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per TIFF, grouped by well.

    Both channels of a well share its group.
    """
    layout = "1649_1109_0003_Amp5-1_B_20070424_A01_w1_<UUID>.tif"
    for path, _, match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=anywhere):
        plate, row, column, channel = match.groups()
        well = f"{row.upper()}{column}"
        brightfield = channel == "2"
        yield Image(
            key=f"{plate or ''}{well}_w{channel}",
            channels=(Channel(path, "brightfield" if brightfield else "intestine"),),
            group=f"{plate or ''}{well}",
            cell_visible=None if brightfield else "intestine",
            phenotype="wildtype" if int(column) <= 12 else "dead",
            microscopy="brightfield" if brightfield else "fluorescence",
            batch=plate.rstrip("_") if plate else None,
            well=well,
        )


SOURCE = Source(
    dir_name="bbbc010",
    database="BBBC",
    name="C. elegans live/dead assay",
    accession="BBBC010",
    url=page("BBBC010"),
    downloads=(download("BBBC010", "BBBC010_v2_images.zip", 70_000_000),),
    license=licenses.UNSTATED,
    citation=(
        f"{COLLECTION} (image set BBBC010); Moy et al., ACS Chemical Biology 2009, doi:10.1021/cb900084v; "
        "Wählby et al., Nature Methods 2012, doi:10.1038/nmeth.1984"
    ),
    formats=("16-bit TIFF, 696 x 520",),
    images=images,
    specimen="a well",
    repeats="two channels",
    batch_unit="plate",
    constants={"organism": "nematode"},
    expected_images=200,
    expected_tokens={"organism": 1, "cell_visible": 1, "phenotype": 2},
)
