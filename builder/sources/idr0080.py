"""IDR idr0080: cell health, CRISPR knock-outs with Cell Painting.

The five channel files of a field are one record.

Layout: ``…/SQ00014610__<time>-Measurement2/Images/r01c01f01p01-ch1sk1fk1fl1.tiff`` (row, column, field, channel) and a
second, illumination-corrected copy of every plate. Both copies show the same fields: a plate's raw files are used, its
corrected ones only where it has no raw file. The original merged both sets into its table, each field twice.

The guides Chr2, Luc and LacZ target no human gene; the original has them as gene labels ('chr2 targeted') and so has
this adapter: they name what was done to the cells, and 1,152 wells would be lost. Empty wells have no gene. A gene is
one class under all symbols of its Ensembl identifier: BRAF1 is BRAF.

Specimen: the well of a plate, nine fields in one measurement; the corrected copy shows the same fields. Should a plate
lie there in two measurements, their fields are not mixed. Batch: the plate.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: whether ch1 is DNA on disk, as the IDR labels it (the merged record does not depend on it); how files
are named in the corrected copy (other names than above are noted, not read).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import (
    Treatment,
    by_plate,
    check_understood,
    control_of,
    field_images,
    idr_downloads,
)
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_STAINS: Final = {
    "1": "nucleus",  # Hoechst
    "2": "er",  # concanavalin A
    "3": "nucleoli + cytoplasmic rna",  # Syto 14
    "4": "actin + golgi + cell membrane",  # phalloidin and wheat germ agglutinin
    "5": "mitochondria",  # MitoTracker
}
_PLATE = re.compile(r"(?:^|/)(SQ\d{8})(__[^/]*)?(?=/|$)", re.IGNORECASE)
_NAME = re.compile(r"(r\d\dc\d\d)(f\d\d)p\d\d-ch([1-5])sk\d+fk\d+fl\d+\.tiff?$", re.IGNORECASE)
_TABLE: Final = "idr0080-screenA-annotation.csv"


class _Plate(NamedTuple):
    name: str
    corrected: bool


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    rows = _read_rows(folder)
    plates = by_plate(folder, (".tif", ".tiff"), _plate_of)
    found = 0
    for plate, paths in sorted(plates.items()):
        if plate.corrected and _Plate(plate.name, False) in plates:
            folder.notes.add("illumination-corrected copies, left out", paths[0], len(paths))
            continue
        found += yield from field_images(folder, plate.name, paths, _NAME, _STAINS, rows)
    rows.note_unused()
    check_understood(folder, found, "…/SQ00014610__…/Images/r01c01f01p01-ch1sk1fk1fl1.tiff")


def _plate_of(directory: str) -> _Plate | None:
    match = _PLATE.search(directory)
    return match and _Plate(match[1].upper(), match[2] is None or "illum" in directory.lower())


def _read_rows(folder: Folder) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    columns = ("Plate", "Well", "Characteristics [Cell Line]", "Gene Symbol")
    for table in find_tables(folder, _TABLE):
        found = list(read_table(folder, table, columns, ("Gene Identifier", "Control Type")))
        symbols = _symbols((gene, identifier) for _, _, _, gene, identifier, _ in found)
        for plate, well, cell_line, gene, identifier, control in found:
            treatment = Treatment(cell_type=cell_line, gene=symbols.get(identifier, gene), control=control_of(control))
            rows.add(plate.partition("_")[0].upper(), parse_well(well) or well, treatment, table)
    return rows


def _symbols(genes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the shortest symbol of each Ensembl identifier.

    Of several, the first by name counts.
    """
    symbols: dict[str, str] = {}
    for gene, identifier in genes:
        if identifier and gene:
            symbols[identifier] = min(symbols.get(identifier, gene), gene, key=lambda symbol: (len(symbol), symbol))
    return symbols


SOURCE = Source(
    dir_name="idr0080",
    database="IDR",
    name="Perturbation",
    accession="idr0080 (screen 2701)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-2701",
    downloads=idr_downloads("idr0080-way-perturbation", 2_000_000_000_000, f"screenA/{_TABLE}"),
    license=licenses.CC0,
    citation=(
        "Way et al., Predicting cell health phenotypes using image-based morphology profiling, Molecular Biology of "
        "the Cell 2021, doi:10.1091/mbc.E20-12-0784; data doi:10.17867/10000153"
    ),
    formats=("16-bit TIFF, one file per channel, 2160 x 2160",),
    images=images,
    constants={"organism": "human", "microscopy": "fluorescence"},
    specimen="well",
    repeats="nine fields, raw and illumination-corrected",
    batch_unit="plate",
    expected_images=31_104,
    expected_tokens={"organism": 1, "cell_type": 3, "cell_visible": 8, "gene": 57},
)
