"""IDR idr0093: genome-wide siRNA screen for cell size.

The five channel files of a field are one record.

Layout: ``…/<plate>/<plate>_B02_T0001F001L01A01Z01C01.tif``, the plate three digits; C is the channel, A is 01 in
all. siRNA pools hold up to three reagents: each is a token. Scrambled controls have neither siRNA nor gene.

Specimen: the well of a plate, nine fields imaged once; each of the 83 plates is in one folder. Should one be in two,
their channels are not mixed. Batch: the plate. A pixel is 0.325 µm: the study file states 20x on a CV7000, whose camera
has pixels of 6.5 µm and, unbinned, the 2,560 x 2,160 of these files.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: C02 and C03 are PCNA and nascent RNA by the labels of the IDR as they were last corrected, the other way
round by other users of the images; C05 is not in the microscope's own index and nobody says what it shows: it is called
``protein``, as C04 (succinimidyl ester) rightly is. The original merged all five, so the record is the same either way.
The table was not seen: columns are found by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import (
    Treatment,
    control_of,
    excluded_by,
    idr_downloads,
    plate_images,
    plate_name,
)
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_STAINS: Final = {"01": "nucleus", "02": "pcna", "03": "rna", "04": "protein", "05": "protein"}
_PLATE = re.compile(r"(?:^|.*/)(\d{3})(?=/|$)")
_NAME = re.compile(r"\d{3}_([A-P]\d\d)_T\d{4}(F\d{3})L\d\dA\d\dZ\d\dC(\d\d)\.tiff?$", re.IGNORECASE)
_TABLE: Final = "idr0093-screenA-annotation.csv"
_COLUMNS: Final = ("Plate", "Well", "Gene Symbol", "siRNA Pool Identifier 1")
_OPTIONAL: Final = ("Control Type", "Quality Control", "siRNA Pool Identifier 2", "siRNA Pool Identifier 3")


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    looked_for = "…/<plate>/<plate>_B02_T0001F001L01A01Z01C01.tif"
    yield from plate_images(folder, plate_name(_PLATE), _NAME, _STAINS, _read_rows(folder), looked_for)


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE):
        for plate, well, gene, first, control, quality, *pool in read_table(folder, table, _COLUMNS, _OPTIONAL):
            treatment = Treatment(
                sirna="|".join(filter(None, (first, *pool))),
                gene=gene,
                control=control_of(control),
                excluded=excluded_by(quality),
            )
            rows.add(plate.zfill(3), parse_well(well) or well, treatment, table)
    return rows


SOURCE = Source(
    dir_name="idr0093",
    database="IDR",
    name="siRNA screen for cell size and RNA production",
    accession="idr0093 (screen 2751)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-2751",
    downloads=idr_downloads("idr0093-mueller-perturbation", None, f"screenA/{_TABLE}.gz"),
    license=licenses.CC_BY_4,
    citation="Mueller, Pelkmans, Berry, Image Data Resource 2021, data doi:10.17867/10000157",
    formats=("16-bit TIFF, one file per channel, 2560 x 2160, maximum projections",),
    images=images,
    constants={"organism": "human", "cell_type": "hela", "microscopy": "confocal"},
    specimen="well",
    repeats="nine fields",
    batch_unit="plate",
    pixel_size_um=0.325,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 4},
)
