"""IDR idr0081: drugs against adenovirus.

The two channel files of a well are one record. The same plates were imaged at two sites, in two layouts:
``…/Data_UZH/…/<plate>/<stem>_A02_w1.TIF`` (w1 nuclei, w2 the virus's GFP) and ``…/Data_EPFL/…/<plate>/A - 02(fld 1 wv
DAPI - DAPI).tif`` (and FITC). The original merged the files of the first site only; here both are read. Names of plates
are the same at both sites, so the site, told by the file's name, is part of every key; a folder has ``_`` where the
table has ``-``.

All wells are infected. Wells that the study fails (drugs toxic by themselves) are left out, as in the original; the
positive control, whose quality is not stated, is kept.

Specimen: the well of a physical plate. Screens B and C, and D and E, are the same plates imaged at both sites: 6,912
wells are there twice, under one group. Batch: the plate, which was stained once.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: whether EPFL's first channel is called DAPI on disk (FITC is known); files of any other name are noted
and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.packed import plain_name
from builder.sources.common.screens import (
    Treatment,
    by_plate,
    check_understood,
    control_of,
    excluded_by,
    field_images,
    idr_downloads,
)
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_SITES: Final = {"A": "UZH", "B": "UZH", "C": "EPFL", "D": "UZH", "E": "EPFL"}
"""Screen -> where it was imaged."""
_TABLES: Final = tuple(f"idr0081-screen{screen}-annotation.csv" for screen in _SITES)
_COLUMNS: Final = ("Plate", "Well", "Compound Name")
_OPTIONAL: Final = ("Control Type", "Quality Control")
_STAINS: Final = {
    "UZH": {"1": "nucleus", "2": "infection"},
    "EPFL": {"DAPI": "nucleus", "FITC": "infection"},
}
_NAMES: Final = {
    "UZH": re.compile(r".*_([A-P]\d\d)_(s\d+|)_?w([12])\.tiff?$", re.IGNORECASE),
    "EPFL": re.compile(r"([A-P][ _]-[ _]\d{1,2})\(fld[ _](\d+)[ _]wv[ _](DAPI|FITC)[ _]-[ _]\w+\)\.tiff?$"),
}
_PLATE = re.compile(r"(?:^|/)(preScreen|preZ|Z[ab][_-]BSF\d+|BSF\d+[_-]\d[A-D])(?=/|$)")


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per well and site."""
    rows = _read_rows(folder)
    found = 0
    for plate, paths in sorted(by_plate(folder, (".tif", ".tiff"), _plate_of).items()):
        sites: dict[str, list[str]] = {}
        for path in paths:
            sites.setdefault("EPFL" if "(fld" in path.rpartition("/")[2] else "UZH", []).append(path)
        for site, here in sorted(sites.items()):
            name = f"{site}_{plate}"
            found += yield from field_images(folder, name, here, _NAMES[site], _STAINS[site], rows, specimen=plate)
    rows.note_unused()
    check_understood(folder, found, "…/BSF018292-1A/…_A02_w1.TIF or …/BSF018292_1A/A - 02(fld 1 wv FITC - FITC).tif")


def _plate_of(directory: str) -> str | None:
    match = _PLATE.search(directory)
    return match and match[1].replace("_", "-")


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    for table in find_tables(folder, *_TABLES):
        site = _SITES[plain_name(table)[-len("A-annotation.csv")].upper()]
        for plate, well, compound, control, quality in read_table(folder, table, _COLUMNS, _OPTIONAL):
            treatment = Treatment(compound=compound, control=control_of(control), excluded=excluded_by(quality))
            rows.add(f"{site}_{plate.replace('_', '-')}", parse_well(well) or well, treatment, table)
    return rows


SOURCE = Source(
    dir_name="idr0081",
    database="IDR",
    name="Adenovirus",
    accession="idr0081 (screens 2406 and four more)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-2406",
    downloads=idr_downloads(
        "idr0081-georgi-adenovirus",
        240_000_000_000,
        *(f"screen{screen}/{table}" for screen, table in zip(_SITES, _TABLES, strict=True)),
    ),
    license=licenses.CC_BY_4,
    citation="Georgi et al., Scientific Data 2020, doi:10.1038/s41597-020-00604-0; data doi:10.17867/10000136",
    formats=("16-bit TIFF, one file per channel, 2048 x 2048",),
    images=images,
    constants={"organism": "human", "cell_type": "a549", "phenotype": "infection", "microscopy": "fluorescence"},
    specimen="well",
    repeats="6,912 wells imaged by two microscopes",
    batch_unit="plate",
    expected_images=13_584,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2, "phenotype": 1},
)
