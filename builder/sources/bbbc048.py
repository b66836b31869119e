"""BBBC048, Jurkat cells by cell-cycle phase: one record per file.

There are three channels a cell. Layout: ``CellCycle/<phase>/<id>_Ch<3|4|6>.ome.jpg``; the archive is nested
(``CellCycle.zip`` inside). The folder is the phenotype. Ch3 is brightfield, Ch4 propidium iodide (the nucleus), Ch6
darkfield: the original called all 'nucleus'; here only Ch4 is. ``Ground_truth.lst`` repeats the folders and is not
read. Composites named ``…_merged.jpg``, which others make of these files, are no images.

Specimen: a cell that passed an imaging flow cytometer once, seen in three channels; each image shows it alone. The
group is its phase and number. Runs of the cytometer are not stated, so there is no batch.

Open questions: the channel numbers (one third-party list disagrees); the licence on the set's page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, download, named_files, page
from builder.sources.common.folder import Folder

_PHASES: Final = "g1|s|g2|prophase|metaphase|anaphase|telophase"
_PHASE = re.compile(rf"(?:^|/)({_PHASES}) ?/$", re.IGNORECASE)
_NAME = re.compile(r"(.+)_Ch([346])\.ome\.jpe?g$", re.IGNORECASE)
_SHOWS: Final = {"3": "brightfield", "4": "nucleus", "6": "darkfield"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per JPEG."""
    layout = "CellCycle/G1/<id>_Ch3.ome.jpg"
    for path, place, match in named_files(folder, _NAME, layout, ".jpg", ".jpeg", place=_PHASE.search):
        phase, cell, channel = place[1].lower(), match[1], match[2]
        shows = _SHOWS[channel]
        yield Image(
            key=f"{phase}_{cell}_Ch{channel}",
            channels=(Channel(path, shows),),
            group=f"{phase}_{cell}",
            cell_visible="nucleus" if shows == "nucleus" else None,
            phenotype=phase,
            microscopy="fluorescence" if shows == "nucleus" else shows,
        )


SOURCE = Source(
    dir_name="bbbc048",
    database="BBBC",
    name="Cell Cycle Jurkat Cells",
    accession="BBBC048",
    url=page("BBBC048"),
    downloads=(download("BBBC048", "BBBC048v1.zip"),),
    license=licenses.CC_BY_NC_SA_3,
    citation=(
        "Eulenberg et al., Nature Communications 2017, doi:10.1038/s41467-017-00623-3; "
        f"Blasi et al., Nature Communications 2016, doi:10.1038/ncomms10256; {COLLECTION} (image set BBBC048)"
    ),
    formats=("8-bit JPEG, 66 x 66",),
    images=images,
    specimen="a cell",
    repeats="three channels",
    batch_unit="not stated",
    single_object=True,
    constants={"organism": "human", "cell_type": "jurkat"},
    expected_images=96_798,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 1, "phenotype": 7},
)
