"""BBBC012, C. elegans infection marker: one record per file.

There are three channels a well. w1 is brightfield, w2 GFP (clec-60 promoter: the intestine), w3 mCherry (the pharynx).
The folder says what the worms are, in the original's words: ``WT…`` 'wildtype', ``pmk…`` (mutant pmk-1(km25))
'infected'; files outside both have no phenotype and are counted. File names hold square brackets.

Specimen: a well of worms, imaged once in three channels. The group is the plate's folder, its name and the well; the
batch is the plate that the file names.

Open questions: the plate names in the real files; their number (the page says 48 per control, the original listed 120).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"([^/]+)_([A-P]\d\d)_w([123])_\[?[0-9A-F-]{30,}\]?\.tiff?$", re.IGNORECASE)
_WORMS = re.compile(r"(?:^|/)(wt|pmk)(?=[^/a-z][^/]*/|/)", re.IGNORECASE)
_PHENOTYPE = {"wt": "wildtype", "pmk": "infected"}
_SHOWS = {"1": "brightfield", "2": "intestine", "3": "pharynx"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per TIFF, grouped by well."""
    layout = "WT_plate2/<plate>_C16_w1_[<UUID>].tif, pmk_plate2/…"
    for path, worms, match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=_worms):
        plate, well, channel = match[1], match[2].upper(), match[3]
        if not worms:
            folder.notes.add("files outside the folders WT… and pmk…, without phenotype", path)
        field = "_".join(part for part in (worms, plate, well) if part)
        yield Image(
            key=f"{field}_w{channel}",
            channels=(Channel(path, _SHOWS[channel]),),
            group=field,
            cell_visible=None if channel == "1" else _SHOWS[channel],
            phenotype=_PHENOTYPE.get(worms),
            microscopy="brightfield" if channel == "1" else "fluorescence",
            batch=plate,
            well=well,
        )


def _worms(directory: str) -> str:
    """Return wt or pmk, or nothing where no folder says."""
    found = _WORMS.findall(directory)
    return found[-1].lower() if found else ""


SOURCE = Source(
    dir_name="bbbc012",
    database="BBBC",
    name="C. elegans infection marker",
    accession="BBBC012",
    url=page("BBBC012"),
    downloads=(download("BBBC012", "BBBC012_v1_images.zip", 122_677_100),),
    license=licenses.UNSTATED,
    citation=f"{COLLECTION} (image set BBBC012); Wählby et al., Nature Methods 2012, doi:10.1038/nmeth.1984",
    formats=("16-bit TIFF, 696 x 520",),
    images=images,
    specimen="a well",
    repeats="three channels",
    batch_unit="plate",
    constants={"organism": "nematode"},
    expected_tokens={"organism": 1, "cell_visible": 2, "phenotype": 2},
)
