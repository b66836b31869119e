"""IDR idr0037: iPSC lines of healthy donors.

The three stains of a field are one record, its brightfield another.

Layout: ``images/<plate>__<time>-Measurement1/Images/r02c02f01p01-ch1sk1fk1fl1.tiff`` (row, column, field, channel). The
original merged ch1 to ch3 and left ch4, brightfield, out. The table names plates as the microscope did, with ``/``
where the folder has ``_``; 29 of its 69 plates are part of another study's download (idr0034), so their rows have no
file.

cell_type is the line; induced pluripotent stem cells also carry that name. Control lines have no cell type in the
table and keep the name of the line alone. EdU (ch2) marks the nuclei of cells that copy their DNA. The compound is the
coating, fibronectin, or nothing.

Specimen: the well of a plate. A folder is one measurement of a plate; those of one plate (Measurement1, Measurement2)
share their wells. Lines and donors come again in many wells and plates, which are other cells. Batch: the plate. The
table's control lines are neither negative nor positive.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: whether the original made records of brightfield files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import Treatment, idr_downloads, plate_images
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_STAINS: Final = {"1": "nucleus", "2": "nucleus", "3": "cell membrane"}  # DAPI, EdU, CellMask
_BRIGHTFIELD: Final = "4"
_PLATE = re.compile(r"(?:^|/)([^/]+)__[^/]*-(Measurement\d+)(?=/|$)", re.IGNORECASE)
_NAME = re.compile(r"(r\d\dc\d\d)(f\d\d)p\d\d-ch([1-4])sk\d+fk\d+fl\d+\.tiff?$", re.IGNORECASE)
_TABLE: Final = "idr0037-screenA-annotation.csv"
_COLUMNS: Final = (
    "Comment [Operetta Plate Name]",
    "Comment [Operetta Measurement]",
    "Well",
    "Characteristics [Cell Line]",
    "Characteristics [Cell Type]",
    "Experimental Condition [Compound]",
)


def images(folder: Folder) -> Iterator[Image]:
    """Yield two images a field: fluorescence and brightfield."""
    looked_for = "images/<plate>__<time>-Measurement1/Images/r02c02f01p01-ch1sk1fk1fl1.tiff"
    rows = _read_rows(folder)
    yield from plate_images(folder, _plate_of, _NAME, _STAINS, rows, looked_for, _BRIGHTFIELD, _physical)


def _physical(plate: str) -> str:
    """Return the plate without its measurement."""
    return plate.rpartition(" ")[0]


def _plate_of(directory: str) -> str | None:
    match = _PLATE.search(directory)
    return match and _plate(match[1], match[2])


def _plate(name: str, measurement: str) -> str:
    return f"{name.replace('/', '_')} {measurement}"


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE):
        for name, measurement, well, line, cell_type, compound in read_table(folder, table, _COLUMNS):
            treatment = Treatment(cell_type="|".join(filter(None, (line, cell_type))), compound=compound)
            rows.add(_plate(name, measurement), parse_well(well) or well, treatment, table)
    return rows


SOURCE = Source(
    dir_name="idr0037",
    database="IDR",
    name="Variation in Human iPSC lines",
    accession="idr0037 (screen 2051)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-2051",
    downloads=idr_downloads("idr0037-vigilante-hipsci", None, f"screenA/{_TABLE}"),
    license=licenses.CC_BY_4,
    citation="Vigilante et al., Cell Reports 2019, doi:10.1016/j.celrep.2019.01.094; data doi:10.17867/10000120",
    formats=("TIFF, one file per channel, 1360 x 1024",),
    images=images,
    constants={"organism": "human", "microscopy": "fluorescence"},
    specimen="well",
    repeats="nine fields, fluorescence and brightfield; a plate may be measured twice",
    batch_unit="plate",
    expected_images=2 * 9 * 1_767,
    expected_tokens={"organism": 1, "cell_visible": 3, "compound": 1},
)
