"""IDR idr0003: yeast proteins under stress.

GFP and Cherry of a field are one record, its transmitted light another.

Layout: ``…/Images/<condition>/<plate>/<stem>--GFP.tif``, ``…--Cherry.tif`` and ``…--Transmitted.tif`` (any suffix that
begins so), where the stem holds ``W00001`` (well, 384 row by row) and ``P00001`` (field). mCherry fills the cytosol;
the study file calls it H2B, which it is not. GFP is on another protein in every well.

The stress is a compound (dithiothreitol, hydrogen peroxide) or, where nothing was added, a phenotype: starvation,
synthetic medium with dextrose. The folder names it, the table (or its library file) confirms it. Genes are tagged, not
targeted, so there are no gene labels; no protein has enough images for a class anyway. Wells that the source excludes
(a tag that moves its protein, a strain that may be missing) are left out.

Specimen: the well. Its three fields are imaged once, each in three channels; every stress is a plate of its own, and so
are the two of untreated cells (SD1, SD2). Batch: the plate.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: the exact stem and the suffix of the transmitted files (others are noted as files without a known name).
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
    excluded_by,
    field_images,
    idr_downloads,
)
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_STAINS: Final = {"Cherry": "cytoplasm", "GFP": "protein"}
_STRESS: Final = {
    "dithiothreitol": Treatment(compound="dithiothreitol"),
    "hydrogen peroxide": Treatment(compound="hydrogen peroxide"),
    "starvation": Treatment(phenotype="starvation"),
    "synthetic medium with dextrose": Treatment(phenotype="synthetic medium with dextrose"),
}
_FOLDERS: Final = {
    "dtt": "dithiothreitol",
    "h2o2": "hydrogen peroxide",
    "starvation": "starvation",
    "sd1": "synthetic medium with dextrose",
    "sd2": "synthetic medium with dextrose",
}
_PLATE = re.compile(r"(?:^|/)(DTT|H2O2|SD1|SD2|starvation)[/ _]p(\d{1,2})(?=/|$)", re.IGNORECASE)
_NAME = re.compile(r".*?(W\d{5})--(P\d{5})(?:--[ZT]\d+)*--(GFP|Cherry|Transmit)\w*\.tiff?$")
_STUDY: Final = "idr0003-breker-plasticity"
_TABLE: Final = "idr0003-screenA-annotation.csv"
_LIBRARY: Final = "idr0003-screenA-library.txt"
_COLUMNS: Final = ("Plate", "Well", "Experimental Condition [environmental stress]|Experiment Condition")
_DOUBTFUL: Final = "missing_info_possibly_empty"  # a control type


def images(folder: Folder) -> Iterator[Image]:
    """Yield two images a field: fluorescence and transmitted light."""
    rows = _read_rows(folder)
    found = 0
    for plate, paths in sorted(by_plate(folder, (".tif", ".tiff"), _plate_of).items()):
        stress = _STRESS[_FOLDERS[plate.partition(" ")[0].lower()]]
        found += yield from field_images(folder, plate, paths, _NAME, _STAINS, rows, "Transmit", no_row=stress)
    rows.note_unused()
    check_understood(folder, found, "…/DTT/p1/--W00001--P00001--Z00000--T00000--GFP.tif")


def _plate_of(directory: str) -> str | None:
    match = _PLATE.search(directory)
    return match and _plate(match[1], match[2])


def _plate(condition: str, number: str) -> str:
    return f"{condition if condition.lower() == 'starvation' else condition.upper()} p{int(number)}"


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE, instead=(_LIBRARY,)):
        delimiter = "\t" if plain_name(table).lower().endswith(".txt") else ","
        for plate, well, condition, control, quality in read_table(
            folder, table, _COLUMNS, ("Control Type", "Quality Control"), delimiter
        ):
            match = _PLATE.search(plate)
            if not match or condition.lower() not in _STRESS:
                folder.notes.add("rows of an unknown plate or stress", f"{table}: {plate} {well}, {condition}")
                continue
            excluded = _DOUBTFUL if control == _DOUBTFUL else excluded_by(quality)
            treatment = _STRESS[condition.lower()]._replace(excluded=excluded)
            rows.add(_plate(match[1], match[2]), parse_well(well) or well, treatment, table)
    return rows


SOURCE = Source(
    dir_name="idr0003",
    database="IDR",
    name="Plasticity",
    accession="idr0003 (screen 51)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-51",
    downloads=idr_downloads(_STUDY, 200_000_000_000, f"idr-metadata:{_STUDY}/screenA/{_TABLE}"),
    license=licenses.CC_BY_NC_SA_3,
    citation="Breker et al., Journal of Cell Biology 2013, doi:10.1083/jcb.201301120",
    formats=("TIFF, one file per channel, 672 x 512",),
    images=images,
    constants={"organism": "yeast", "cell_type": "y6545", "microscopy": "fluorescence"},
    specimen="well",
    repeats="three fields, fluorescence and transmitted light",
    batch_unit="plate",
    expected_images=195_840,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 3, "compound": 2, "phenotype": 2},
)
