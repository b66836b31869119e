"""IDR idr0088: 1,008 small molecules in fifteen reporter lines.

The three channel files of a field are one record.

Layout: ``…/<batch>/<run>/<plate>/<plate>_B02_T0001F001L01A01Z01C01.tif``; A counts along with C, the channel. A plate
is known by its run, whose folder the table gives as ``<batch>/<run>``.

Channel 1 shows nuclei (and, dimmer, cytoplasm), 2 and 3 the two proteins that the line reports. The original called
them actin and rab5a in every line; here they follow the line: five pairs. A marker that stands for a structure bears
its name, another that of the protein. phenotype is the mechanism of action, several already joined by ``|``.

Specimen: the well of a plate, two or three fields imaged once; no plate's number is in two runs. Batch: the imaging
batch, up to 40 plates of one reporter line, whose number is in the run's name (PPS073), else the plate.

NGFF: read, a store a plate with the three channels in that order, ``<plate>.ome.zarr``, as IDR calls its conversions:
no plate's number is in two runs. No plate is among the public samples (https://idr.github.io/ome-ngff-samples).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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

_MARKERS: Final = {
    "ACTB-RAB5A": ("actin", "rab5a"),
    "CANX-COX4I1": ("er", "mitochondria"),  # calnexin, cytochrome c oxidase
    "GM130-SQSTM1": ("golgi", "sqstm1"),
    "TP53BP1-CLTA": ("tp53bp1", "clta"),
    "TUBA1B-RELA": ("microtubules", "rela"),
}
"""Proteins of channels 2 and 3, as the table names them after the line -> what they show."""
_PLATE = re.compile(r"(?:^|/)([^/]+/\d{10,12})(?=/|$)")
_BATCH = re.compile(r"_(PPS\d+)_", re.IGNORECASE)
_NAME = re.compile(r"\d+_([A-P]\d\d)_T\d{4}(F\d{3})L\d\dA\d\dZ\d\dC(\d\d)\.tiff?$", re.IGNORECASE)
_TABLE: Final = "idr0088-screenA-annotation.csv"
_COLUMNS: Final = (
    "Plate Location",
    "Plate",
    "Well",
    "Characteristics [Cell Line]",
    "Comment [Cell Line with Markers]",
    "Compound Name",
    "Compound MoA",
)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    rows, markers = _read_rows(folder)
    found = 0
    plates = by_plate(folder, (".tif", ".tiff"), plate_name(_PLATE))
    for plate, paths in sorted(plates.items()):
        second, third = markers.get(plate, ("protein", "protein"))
        stains = {"01": "nucleus", "02": second, "03": third}
        found += yield from field_images(folder, plate, paths, _NAME, stains, rows, batch=_batch(plate))
    numbers = {plate.rpartition("/")[2]: plate for plate in markers}
    found += yield from ngff.treated_images(
        folder,
        lambda name: numbers.get(name.rpartition("/")[2]),
        lambda plate, _: ("nucleus", *markers[plate]),
        rows,
        plates,
        "F{:03d}",
        _batch,
    )
    rows.note_unused()
    check_understood(folder, found, "…/<batch>/<run>/<plate>/<plate>_B02_T0001F001L01A01Z01C01.tif")


def _batch(plate: str) -> str | None:
    match = _BATCH.search(plate)
    return match and match[1].upper()


def _read_rows(folder: Folder) -> tuple[Rows[Treatment], dict[str, tuple[str, str]]]:
    """Return the rows, and each plate's markers."""
    rows: Rows[Treatment] = Rows(folder.notes)
    markers: dict[str, tuple[str, str]] = {}
    for table in find_tables(folder, _TABLE):
        for run, number, well, line, reporter, compound, mechanism, control in read_table(
            folder, table, _COLUMNS, ("Control Type",)
        ):
            plate = f"{run.rpartition('/')[2]}/{number}"
            pair = reporter.partition("-")[2].upper()
            if pair in _MARKERS:
                markers[plate] = _MARKERS[pair]
            else:
                folder.notes.add("rows of an unknown reporter line", f"{table}: {reporter}")
            treatment = Treatment(cell_type=line, compound=compound, phenotype=mechanism, control=control_of(control))
            rows.add(plate, parse_well(well) or well, treatment, table)
    return rows, markers


SOURCE = Source(
    dir_name="idr0088",
    database="IDR",
    name="Phenomic Profiling",
    accession="idr0088 (screen 2651)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-2651",
    downloads=idr_downloads("idr0088-cox-phenomicprofiling", 5_400_000_000_000, f"screenA/{_TABLE}.zip"),
    license=licenses.CC_BY_NC_4,
    citation="Cox et al., Scientific Reports 2020, doi:10.1038/s41598-020-69354-8; data doi:10.17867/10000150",
    formats=("16-bit TIFF, one file per channel, 1250 x 1050", "OME-Zarr, a store a plate"),
    images=images,
    constants={"organism": "human", "microscopy": "confocal"},
    specimen="well",
    repeats="two or three fields",
    batch_unit="imaging batch (reporter line and days)",
    expected_tokens={"organism": 1, "cell_type": 3, "cell_visible": 11, "compound": 1_173, "phenotype": 219},
)
