"""BBBC045, white blood cells: one record per cytometer montage.

Each is cut to 13 x 15 whole cells; the instrument is an imaging flow cytometer. A montage holds 30 x 30 cells of 55 x
55 pixels and the last of a series is partly blank; the original kept rows 0 to 714 and columns 0 to 824 of each, and so
is done here. All five kinds of cells are 'white blood cell', as in the original.

The archive has three folders between its top and the file, ``<A>/<B>/<C>/<D>_<N>.tif``; which is donor, kind of cell
and channel is not known. So the key is made of the last three folders and the name.

Specimen: a donor's blood. The same cells are in montages of several channels. Donors' folders bear the year, 2014 or
2015, and are the group; montages without such a folder share one group, so that no donor is split. Sessions are not
stated, so there is no batch. A montage shows 195 cells: no single object.

Open questions: the order of the levels; the channels. Brightfield and darkfield are taken from those words,
brightfield also from Ch5 (a third-party pipeline); other channels have no microscopy and are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Channel, Image, Region, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"([^/_]+_\d+)\.tiff?$", re.IGNORECASE)
_DONOR = re.compile(r"(?:^|/)([^/]*201[45][^/]*)(?=/)")
_WHOLE_CELLS: Final = Region(x_min=0, x_max=15 * 55, y_min=0, y_max=13 * 55)
_MICROSCOPY: Final = (
    (re.compile(r"bright[ _-]?field|(?:^|[/_ -])(?:ch(?:annel)?[ _-]?0?5|bf)(?!\d)", re.IGNORECASE), "brightfield"),
    (re.compile(r"dark[ _-]?field|(?:^|[/_ -])ssc(?![a-z])", re.IGNORECASE), "darkfield"),
    (re.compile(r"fluorescence", re.IGNORECASE), "fluorescence"),
)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per montage."""
    layout = "Stained_Montages/<subject>/<kind of cell>/<channel>/<name>_<number>.tif, in any order"
    for path, directory, match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=anywhere):
        donors = _DONOR.findall(directory)
        if not donors:
            folder.notes.add("montages whose donor is not known, one group", path)
        microscopy = next((value for pattern, value in _MICROSCOPY if pattern.search(path)), None)
        if microscopy is None:
            folder.notes.add("montages whose channel is not known, without microscopy", path)
        shows = microscopy if microscopy in ("brightfield", "darkfield") else "cell body"
        yield Image(
            key="/".join([*directory.split("/")[:-1][-3:], match[1]]),
            channels=(Channel(path, shows),),
            group=donors[-1] if donors else "all",
            microscopy=microscopy,
            region=_WHOLE_CELLS,
        )


SOURCE = Source(
    dir_name="bbbc045",
    database="BBBC",
    name="Human White Blood Cells",
    accession="BBBC045",
    url=page("BBBC045"),
    downloads=(download("BBBC045", "Stained_Montages.zip", 1_580_000_000),),
    license=licenses.CC0,
    citation=f"Nassar et al., Cytometry Part A 2019, doi:10.1002/cyto.a.23794; {COLLECTION} (image set BBBC045)",
    formats=("TIFF montages, 1650 x 1650",),
    images=images,
    specimen="a donor's blood",
    repeats="each cell in montages of several channels",
    batch_unit="not stated",
    constants={"organism": "human", "cell_type": "white blood cell"},
    expected_images=147,
    expected_tokens={"organism": 1, "cell_type": 1},
)
