"""IDR idr0016: Cell Painting of 30,000 compounds.

The five channel files of a field are one record.

Layout: one folder per plate and channel, ``…/24278-ERSyto/cdp2bioactives_a01_s1_w2<UUID>.tif``. The first part of a
name varies and the UUID differs between the channels of a field, which meet by plate, well and site only.

Most compounds have no name (a diversity-oriented library); they are called by their Broad identifier, where the
original had nothing. The original's stains are kept: ``golgi|cell membrane`` for the channel of phalloidin and wheat
germ agglutinin, in which its author saw no actin. Plates 20585 to 20646, in old downloads, are those of the
source bbbc022 (they moved to another study in 2017) and left out.

Specimen: the well of a plate. Plate 25723 was imaged twice, almost whole: it has 4,255 files a channel, others 2,304.
Nothing tells which files of a site belong to one acquisition, and an image would mix the channels of two: the sites
with several files of a channel are left out. Batch: the plate.

NGFF: read, a store a plate. It is published in that form (BioImage Archive, S-BIAD851), in folders named by a UUID; the
plate is the name in the store's metadata, or of ``<plate>.ome.zarr``, as IDR's list of them has it
(https://github.com/IDR/mkngff_upgrade_scripts, ``idr0016.csv``). Channels are told by their names, those of the folders
above; stores that name them otherwise are left out.

Open questions: the table's columns are known by name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from builder.sources.base import Image, Source
from builder.sources.common import licenses, ngff
from builder.sources.common.folder import Folder
from builder.sources.common.screens import (
    Treatment,
    by_plate,
    check_understood,
    control_of,
    field_images,
    idr_downloads,
    plate_name,
)
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_STAINS: Final = {
    "5": "mitochondria",  # Mito
    "1": "nucleus",  # Hoechst
    "3": "nucleoli + cytoplasmic rna",  # ERSytoBleed
    "2": "er",  # ERSyto
    "4": "golgi + cell membrane",  # Ph_golgi
}
_LABELS: Final = {"mito": "5", "hoechst": "1", "ersytobleed": "3", "ersyto": "2", "ph_golgi": "4", "phgolgi": "4"}
_PLATE = re.compile(r"(?:^|/)(\d{5})(?:-(?:Hoechst|ERSyto|ERSytoBleed|Ph_golgi|Mito))?(?=/|$)", re.IGNORECASE)
_NAME = re.compile(r".*_([a-p]\d\d)_(s\d+)_w([1-5])[^_]*\.tiff?$", re.IGNORECASE)
_TABLE: Final = "idr0016-screenA-annotation.csv"
_BBBC022: Final = range(20585, 20647)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    rows = _read_rows(folder)
    found = 0
    plates = by_plate(folder, (".tif", ".tiff"), plate_name(_PLATE))
    for plate, paths in sorted(plates.items()):
        if int(plate) in _BBBC022:
            folder.notes.add("files of bbbc022, a source of its own", paths[0], len(paths))
            continue
        found += yield from field_images(folder, plate, paths, _NAME, _STAINS, rows, together=False)
    found += yield from ngff.treated_images(folder, _plate_of, _stains_of, rows, plates, "s{}")
    rows.note_unused()
    check_understood(folder, found, "…/24278-ERSyto/cdp2bioactives_a01_s1_w2<UUID>.tif")


def _plate_of(name: str) -> str | None:
    return name if name.isdigit() and len(name) == 5 and int(name) not in _BBBC022 else None


def _stains_of(plate: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return what a store's channels show; () if unknown."""
    known = [_LABELS.get(label.lower().replace(" ", "").replace("-", "_")) for label in labels]
    return tuple(_STAINS[key] for key in known if key) if None not in known else ()


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    columns = ("Plate", "Well", "Compound Name")
    optional = ("Compound Broad Identifier Short", "Compound Broad Identifier", "Control Type")
    for table in find_tables(folder, _TABLE):
        for plate, well, name, short, full, control in read_table(folder, table, columns, optional):
            treatment = Treatment(compound=name or short or full, control=control_of(control))
            rows.add(plate, parse_well(well) or well, treatment, table)
    return rows


SOURCE = Source(
    dir_name="idr0016",
    database="IDR",
    name="Compound Profiling",
    accession="idr0016 (screen 1251)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-1251",
    downloads=idr_downloads("idr0016-wawer-bioactivecompoundprofiling", None, f"screenA/{_TABLE}"),
    license=licenses.CC0,
    citation=(
        "Wawer et al., PNAS 2014, doi:10.1073/pnas.1410933111; "
        "Bray et al., GigaScience 2017, doi:10.1093/gigascience/giw014"
    ),
    formats=("16-bit TIFF, one file per channel, 696 x 520", "OME-Zarr, a store a plate"),
    images=images,
    constants={"organism": "human", "cell_type": "u2os", "microscopy": "fluorescence"},
    specimen="well",
    repeats="six fields; plate 25723 imaged twice",
    batch_unit="plate",
    expected_images=935_393,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 7},
)
