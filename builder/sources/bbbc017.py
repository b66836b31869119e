"""BBBC017, shRNA screen in HT29 cells: one record per field.

A record has three channel files: DNA, phospho-histone H3 and actin. Layout:
``NIRHTa+002/AS_09125_050117080001_A01f00d0.DIB``: plate 002, treated (+) or not (-) with puromycin, plate number, well,
field, channel. The 12-digit number names the plate as well, so a record needs no folder, but its gene does:
``BBBC017_v1_metadata.xls`` knows plates by the folder's number. **Plate 014 of the folders is plate 15 of the sheet**,
whose plate 14 was never imaged (set page); the original read row 14, so its genes of that plate are wrong.

Controls are kept as the original has them (``shluc targeted``, ``shlamin targeted``, ``pgk-gfp targeted``: they name
what was done to the cells); EMPTY and UNK have no gene. The sheet marks 376 hairpins of the imaged plates as
``failedToClone``: what those wells hold is not known, so they have no gene and are counted. The sheet's gene classes
are no phenotype, as in the original's last version. Channel 1 shows mitotic cells and adds no cell_visible. Some
hairpins were made for mouse genes (``taxonId`` 10090); they are kept under the gene's name. The sheet calls no well a
control.

Specimen: a well of one of 28 plates, each imaged once at six fields (6,912 files per archive are 384 wells x 6 x 3).
The treated and the untreated plate of a number are different cells. The group is the plate's 12-digit number and the
well, the batch that number.

Open question: the header of a .DIB file (none was seen).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, Fields, download, named_files, page
from builder.sources.common.excel import read_sheet
from builder.sources.common.folder import Folder
from builder.sources.common.screens import channels_of, visible
from builder.sources.common.tables import Rows

_NAME = re.compile(r"AS_09125_(\d+)_([A-P]\d\d)(f\d\d)d([012])\.dib$", re.IGNORECASE)
_PLATE = re.compile(r"NIRHTa(?:\+|-|%2B)(\d{3})(?!\d)", re.IGNORECASE)
_MITOSIS: Final = "mitosis"  # what phospho-histone H3 marks: a state, no structure
_STAINS: Final = {"0": "nucleus", "1": _MITOSIS, "2": "actin"}
_SHEET_PLATE: Final = {"14": "15"}  # folder -> sheet, where they differ
_NEVER_IMAGED: Final = "14"  # of the sheet
_NOT_MADE: Final = "failedToClone"
_NO_PLATE: Final = "files without a plate folder (NIRHTa+001 ...), without gene"


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    fields = Fields(folder)
    plate_of: dict[str, str] = {}
    layout = "NIRHTa+002/AS_09125_050117080001_A01f00d0.DIB"
    for path, plate, match in named_files(folder, _NAME, layout, ".dib", place=_plate):
        number, well, field, channel = match.groups()
        fields.add(f"AS_09125_{number}_{well.upper()}{field.lower()}", channel, path)
        if plate:
            plate_of[number] = plate
    genes = _genes(folder)
    for name, files in fields:
        number, well = name.split("_")[2], name.split("_")[3][:3]
        channels = channels_of(files, _STAINS, folder.notes)
        gene = None
        if number in plate_of:
            gene = genes.get(plate_of[number], well, tuple(files.values()))
        else:
            folder.notes.add_all(_NO_PLATE, files.values())
        yield Image(
            key=name,
            channels=channels,
            group=f"{number}_{well}",
            cell_visible=visible(channel for channel in channels if channel.structure != _MITOSIS) or None,
            gene=gene or None,
            batch=number,
            well=well,
        )
    genes.note_unused()


def _plate(directory: str) -> str:
    """Return the plate's number in the sheet, empty if unknown."""
    found = _PLATE.findall(directory)
    plate = str(int(found[-1])) if found else ""
    return _SHEET_PLATE.get(plate, plate)


def _genes(folder: Folder) -> Rows[str]:
    rows: Rows[str] = Rows(folder.notes)
    for table, (plate, well, gene, made) in read_sheet(
        folder,
        ("BBBC017_v1_metadata.xls", "BBBC017_v1_metadata.xlsx"),
        ("384-Plate#", "384-well", "gene name", "ProdStatus"),
    ):
        if plate == _NEVER_IMAGED:
            continue
        if made == _NOT_MADE:
            folder.notes.add("wells whose hairpin failed to clone, without gene", f"{table}: {plate} {well} {gene}")
        rows.add(plate, well.upper(), "" if made == _NOT_MADE else gene, table)
    return rows


SOURCE = Source(
    dir_name="bbbc017",
    database="BBBC",
    name="Human HT29 colon-cancer cells shRNAi screen",
    accession="BBBC017",
    url=page("BBBC017"),
    downloads=(
        *(
            download("BBBC017", f"BBBC017_v1_images_NIRHTa{treated}{plate:03d}.zip", 1_850_000_000)
            for treated in "-+"
            for plate in range(1, 15)
        ),
        download("BBBC017", "BBBC017_v1_metadata.xls", 2_400_000),
    ),
    license=licenses.CC_BY_NC_SA_3,
    citation=f"Moffat et al., Cell 2006, doi:10.1016/j.cell.2006.01.040; {COLLECTION} (image set BBBC017)",
    formats=("16-bit DIB of a Cellomics ArrayScan, 512 x 512",),
    images=images,
    specimen="a well",
    repeats="six fields",
    batch_unit="plate",
    constants={
        "organism": "human",
        "cell_type": "ht29",
        "microscopy": "fluorescence",
    },
    expected_images=64_512,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2, "gene": 855},
)
