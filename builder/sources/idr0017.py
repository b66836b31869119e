"""IDR idr0017: chemical-genetic interactions in twelve HCT116 lines.

The two channel files of a field are one record.

Layout: ``…/2011-11-17_X-Man_LOPAC_X01_LP_S01_1/A - 1(fld 1 wv DAPI - DAPI).tif``: X the cell line, S the library plate,
then the replicate; columns are not padded, blanks may be underscores. The index file in a folder carries the X of some
other folder and is not read.

Compounds come from the study's table or, where that is missing, from the library of the Bioconductor package PGPC by
the same authors: all lines and replicates share its layout. It abbreviates controls; their full names are
those of the study, matched by their counts (inferred). As in the original, cell_type is the code of the line
('104-009'), not hct116, and the gene that a line lacks is no label.

Wells that the authors' screen log flags are left out, as everywhere: on each library plate the outer two columns of
every second row (contaminated, and given in a wrong dilution) and one well each of plates 2 to 4; of a third well of
plate 3 the log says that one line's first replicate is contaminated.

Specimen: the well of a plate, whole in its four fields, each imaged once; the two replicates and the twelve lines are
plates of their own. Batch: the plate. Controls are those that the table calls so; of the library, DMSO alone.

The licence forbids publishing changed images.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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
    field_images,
    idr_downloads,
)
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_STAINS: Final = {"DAPI": "nucleus", "Cy3": "actin"}  # Hoechst 33342, phalloidin-TRITC
_LINES: Final = {
    "01": ("AKT1-/-_&_AKT2-/-", "02-006"),
    "02": ("MEK2-/-", "02-031"),
    "03": ("AKT1-/-", "02-004"),
    "04": ("CTNNB1_mt-/wt+", "104-009"),
    "05": ("PARENTAL007", "PAR007"),
    "06": ("P53-/-", "104-001"),
    "07": ("PTEN-/-", "104-004"),
    "08": ("PI3KCA_mt-/wt+", "104-007"),
    "09": ("KRAS_mt-/wt+", "104-008"),
    "10": ("BAX-/-", "02-008"),
    "11": ("MEK1-/-", "02-030"),
    "12": ("PARENTAL001", "PAR001"),
}
"""X of a folder's name -> the line's name in the study's table, its code."""
_CONTROLS: Final = {
    "DAPT": "DAPT",
    "IWP": "IWP-2",
    "LY": "LY-294,002 hydrochloride",
    "PD": "PD 98,059",
    "Paclitaxel": "Taxol",
    "RAPA": "Sirolimus",
    "U0126": "U0126",
    "Vinblastin": "Vinblastine sulfate salt",
    "Vinblastin_0.1µM": "Vinblastine sulfate salt",
    "Wortmannin": "Wortmannin from Penicillium funiculosum",
    "Y27": "Y-27632 dihydrochloride",
}
"""A control of the library, without its ``ctrl_`` -> its name in the study's table."""
_FLAGGED: Final = {
    f"{row}{column:02d}": "contaminated, wrong dilution" for row in "BDFHJLNP" for column in (1, 2, 23, 24)
}
"""Wells of every plate that the screen log flags, and why."""
_FLAGGED_ONCE: Final = {
    (".._S2_.", "O12"): "fluorescent drug",
    (".._S3_.", "L21"): "contaminated",
    (".._S4_.", "N08"): "contaminated",
    ("12_S3_1", "I18"): "contaminated",
}
"""The same on some plates, by a pattern of their names after the X."""
_PLATE = re.compile(r"X-Man_LOPAC_X(\d\d)_LP_S0?(\d)_(\d)(?=/|$)")
_READABLE = re.compile(r"(.+)_LOPAC_Plate_(\d)_Replicate_(\d)$", re.IGNORECASE)
_NAME = re.compile(r"([A-P][ _]-[ _]\d{1,2})\(fld[ _](\d+)[ _]wv[ _](DAPI|Cy3)[ _]-[ _]\w+\)\.tiff?$")
_TABLE: Final = "idr0017-screenA-annotation.csv"
_COLUMNS: Final = ("Plate", "Well", "Compound Name")
_NEGATIVE: Final = "neg_ctr_DMSO"
_LIBRARY: Final = "Changed_LOPAC3_384_convert96er_GeneID_updated_Selectivity.txt"


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    plates = by_plate(folder, (".tif", ".tiff"), _plate_of)
    rows = _read_rows(folder, plates)
    found = 0
    for plate, paths in sorted(plates.items()):
        line = Treatment(cell_type=_LINES[plate[1:3]][1])
        found += yield from field_images(folder, plate, paths, _NAME, _STAINS, rows, no_row=line)
    rows.note_unused()
    check_understood(folder, found, "…/2011-11-17_X-Man_LOPAC_X01_LP_S01_1/A - 1(fld 1 wv DAPI - DAPI).tif")


def _plate_of(directory: str) -> str | None:
    match = _PLATE.search(directory)
    return f"X{match[1]}_S{match[2]}_{match[3]}" if match and match[1] in _LINES else None


def _read_rows(folder: Folder, plates: Iterable[str]) -> Rows[Treatment]:
    rows: Rows[Treatment] = Rows(folder.notes)
    tables = find_tables(folder, _TABLE, instead=(_LIBRARY,))
    if tables and plain_name(tables[0]).lower().endswith(".txt"):
        _read_library(folder, tables[0], plates, rows)
        return rows
    folders = {name.lower(): f"X{number}" for number, (name, _) in _LINES.items()}
    for table in tables:
        for plate, well, compound, control in read_table(folder, table, _COLUMNS, ("Control Type",)):
            match = _READABLE.match(plate)
            if not match or match[1].lower() not in folders:
                folder.notes.add("rows of an unknown plate", f"{table}: {plate}")
                continue
            name = f"{folders[match[1].lower()]}_S{match[2]}_{match[3]}"
            rows.add(name, parse_well(well) or well, _treated(name, well, compound, control), table)
    return rows


def _read_library(folder: Folder, table: str, plates: Iterable[str], rows: Rows[Treatment]) -> None:
    """Assign each plate present the compounds of its library plate."""
    copies: dict[str, list[str]] = {}
    for plate in plates:
        copies.setdefault(f"P{plate[5]}", []).append(plate)
    columns = ("PlateName", "Well", "compoundID_384", "Name")
    for library_plate, well, content, name in read_table(folder, table, columns, delimiter="\t"):
        compound = name or _control(content)
        control = "negative" if content == _NEGATIVE else ""
        for plate in copies.get(library_plate, ()):
            rows.add(plate, parse_well(well) or well, _treated(plate, well, compound, control), table)


def _treated(plate: str, well: str, compound: str, control: str) -> Treatment:
    line, flag = _LINES[plate[1:3]][1], _flag(plate, parse_well(well) or well)
    return Treatment(cell_type=line, compound=compound, control=control_of(control), excluded=flag)


def _flag(plate: str, well: str) -> str:
    """Return why the screen log flags a well, or ''."""
    found = (why for (plates, name), why in _FLAGGED_ONCE.items() if name == well and re.fullmatch(plates, plate[1:]))
    return _FLAGGED.get(well) or next(found, "")


def _control(content: str) -> str:
    """Return the compound of a non-library well.

    It is a control, the solvent, or nothing.
    """
    if content == _NEGATIVE:
        return "DMSO"
    return _CONTROLS.get(content.removeprefix("ctrl_"), "")


SOURCE = Source(
    dir_name="idr0017",
    database="IDR",
    name="Chemical-Genetic Interaction Map",
    accession="idr0017 (screen 1151)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-1151",
    downloads=idr_downloads("idr0017-breinig-drugscreen", 2_480_000_000_000, f"screenA/{_TABLE}"),
    license=licenses.CC_BY_NC_ND_4,
    citation=("Breinig et al., Molecular Systems Biology 2015, doi:10.15252/msb.20156400; data doi:10.17867/10000101"),
    formats=("16-bit TIFF, one file per channel, 2048 x 2048",),
    images=images,
    constants={"organism": "human", "microscopy": "fluorescence"},
    specimen="well",
    repeats="four fields",
    batch_unit="plate",
    expected_images=147_456,
    expected_tokens={"organism": 1, "cell_type": 12, "cell_visible": 2},
)
