"""IDR idr0009: genome-wide siRNA screen of the early secretory pathway.

The three channel files of a well are one record.

Layout: ``…/VSVG/<plate>/data/--W00002--P00001--Z00000--T00000--vsvg-cfp.tif``; plates of both screens lie side by side.
Some plates of 2005 call the DNA channel ``dapi``, the others ``nucleus-dapi``; the original knew the second name only
and merged those plates without DNA. Here both are found.

Wells whose quality control failed are left out, as the original's notes ask (its 362,625 rows are those that passed);
they are counted. Two things are read better than there: the COPB1 controls, whose symbol stands in a comment, and siRNA
identifiers with a vendor's Q before them (Q103860 and 103860 have one sequence).

Specimen: the spot of a plate (a siRNA array on a slide), imaged once, in one field; of the 1,034 plates no two share
array and replicate. Batch: the plate, which names its day.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: the table of screen A was not seen; columns are found by name, and a missing one is an error.
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

_STAINS: Final = {
    "dapi": "nucleus",
    "pm-647": "cell membrane",  # cargo protein that has reached the cell's surface
    "vsvg-cfp": "cell membrane",  # the cargo protein, tsO45G-CFP, wherever it is
}
_PLATE = re.compile(r"(?:^|/)(\d{4}-\d\d--\d{4}-\d\d-\d\d)(?=/|$)")
_NAME = re.compile(r".*?(W\d{5})--(P\d{5})--Z\d+--T\d+--(?:nucleus-)?(dapi|pm-647|vsvg-cfp)\.tiff?$")
_STUDY: Final = "idr0009-simpson-secretion"
_TABLES: Final = ("idr0009-screenA-annotation.csv", "idr0009-screenB-annotation.csv")
_COLUMNS: Final = ("Plate", "Well", "siRNA Identifier", "Gene Symbol|Gene Symbol (Ensembl 81)")
_OPTIONAL: Final = ("Comments", "Control Type", "Quality Control", "Phenotype 1", "Phenotype 2", "Phenotype 3")
_VENDOR = re.compile(r"Q(?=\d+$)")
_IN_COMMENT = re.compile(r"siRNA target+ed (\w+)", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field that passed quality control.

    A well has one field.
    """
    looked_for = "…/<plate>/data/--W00002--P00001--Z00000--T00000--vsvg-cfp.tif"
    yield from plate_images(folder, plate_name(_PLATE), _NAME, _STAINS, _read_rows(folder), looked_for)


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    for table in find_tables(folder, *_TABLES):
        for plate, well, sirna, gene, comment, control_type, quality, *phenotypes in read_table(
            folder, table, _COLUMNS, _OPTIONAL
        ):
            if not gene and (targeted := _IN_COMMENT.search(comment)):
                gene = targeted[1]
            phenotype = "|".join(filter(None, phenotypes))
            treatment = Treatment(
                sirna=_VENDOR.sub("", sirna),
                gene=gene,
                phenotype=phenotype,
                control=control_of(control_type),
                excluded=excluded_by(quality),
            )
            rows.add(plate, parse_well(well) or well, treatment, table)
    return rows


SOURCE = Source(
    dir_name="idr0009",
    database="IDR",
    name="Early Secretory Pathway",
    accession="idr0009 (screens 803 and the validation screen)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-803",
    downloads=idr_downloads(
        _STUDY,
        3_250_000_000_000,
        f"idr-metadata:{_STUDY}/screenA/{_TABLES[0]}.gz",
        f"idr-metadata:{_STUDY}/screenB/{_TABLES[1]}",
    ),
    license=licenses.CC_BY_4,
    citation="Simpson et al., Nature Cell Biology 2012, doi:10.1038/ncb2510",
    formats=("TIFF, one file per channel, 1344 x 1024",),
    images=images,
    constants={"organism": "human", "cell_type": "hela", "microscopy": "fluorescence"},
    specimen="spot of a siRNA array",
    repeats="none",
    batch_unit="plate (array, replicate, day)",
    expected_images=397_056,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2, "phenotype": 3},
)
