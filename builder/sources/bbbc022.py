"""BBBC022, Cell Painting of compounds: one record per field.

U2OS cells; a record has five channel files. Layout: ``BBBC022_v1_images_20585w1/IXMtest_A01_s1_w1<UUID>.tif``: plate
and channel in the folder; well, site and channel in the name; the UUID differs from channel to channel. Channels go in
the order of the table's columns, as in the original: ER w2, Hoechst w1, Mito w5, Ph_golgi w4, Syto w3.
``BBBC022_v1_image.csv`` gives the compound by plate, well and site (some copies lack a column); the plate of files that
lie in no plate folder is found there by their names. Lines that do not parse (commas in compound names) are noted.

The table leaves the compound of ``mock`` wells blank. They hold DMSO: the Image Data Resource's table of the same 20
plates (idr0036, in idr0016 until 2017) names 64 wells per plate DMSO, negative control.

Specimen: a well, imaged once at nine sites in five channels. The group is plate and well, the batch the plate. The
Image Data Resource holds the same images under plates 20585 to 20646, which the source idr0016 leaves out; its other
plates (24277 and up) are other cells. 20x on an ImageXpress Micro, binned 2 x 2 as the files say: 0.656 µm per pixel
by public descriptions of the set (the camera's 6.45 µm would give 0.645).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, Fields, download, named_files, page
from builder.sources.common.folder import Folder
from builder.sources.common.screens import channels_of, visible
from builder.sources.common.tables import Rows, find_tables, read_table

_NAME = re.compile(r"(IXMtest_([A-P]\d\d)_s([1-9])_w([1-5])[0-9A-F-]{30,}\.tiff?)$", re.IGNORECASE)
_PLATE = re.compile(r"(?:^|[/_])(\d{5})w[1-5](?=/)", re.IGNORECASE)
_STAINS: Final = {
    "2": "er",  # concanavalin A
    "1": "nucleus",  # Hoechst
    "5": "mitochondria",  # MitoTracker
    "4": "actin + golgi",  # phalloidin and wheat germ agglutinin
    "3": "nucleoli",  # SYTO 14
}
_TABLE: Final = "BBBC022_v1_image.csv"
_FILES: Final = tuple(f"Image_FileName_Orig{stain}" for stain in ("ER", "Hoechst", "Mito", "Ph_golgi", "Syto"))
_COLUMNS: Final = (
    "Image_Metadata_PlateID",
    "Image_Metadata_CPD_WELL_POSITION",
    "Image_Metadata_Site",
    "Image_Metadata_SOURCE_COMPOUND_NAME",
)
_ROLE: Final = "Image_Metadata_ASSAY_WELL_ROLE"
_MOCK: Final = ("DMSO", "negative")  # compound, control


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    fields = Fields(folder)
    homeless: dict[str, tuple[str, str, str]] = {}
    layout = "BBBC022_v1_images_20585w1/IXMtest_A01_s1_w1<UUID>.tif"
    for path, plate, match in named_files(folder, _NAME, layout, ".tif", ".tiff", place=_plate):
        name, well, site, channel = match.groups()
        if plate:
            fields.add(f"{plate}_{well.upper()}_s{site}", channel, path)
        else:
            homeless[name] = (path, f"{well.upper()}_s{site}", channel)
    compounds = _compounds(folder, fields, homeless)
    folder.notes.add_all("files without a known plate", (path for path, _, _ in homeless.values()))
    for field, files in fields:
        plate_name, _, site_name = field.partition("_")
        channels = channels_of(files, _STAINS, folder.notes)
        compound, control = compounds.get(plate_name, site_name, tuple(files.values())) or (None, None)
        yield Image(
            key=field,
            channels=channels,
            group=field.rpartition("_")[0],
            cell_visible=visible(channels),
            compound=compound,
            batch=plate_name,
            well=site_name.partition("_")[0],
            control=control,
        )
    compounds.note_unused()


def _plate(directory: str) -> str:
    """Return the plate's number, or nothing where no folder says."""
    found = _PLATE.findall(directory)
    return found[-1] if found else ""


def _compounds(
    folder: Folder, fields: Fields, homeless: dict[str, tuple[str, str, str]]
) -> Rows[tuple[str | None, str | None]]:
    """Read plate -> site of a well -> (compound, control).

    Files in no plate folder find their field on the way.
    """
    rows: Rows[tuple[str | None, str | None]] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE):
        wanted = (*_COLUMNS, *_FILES) if homeless else _COLUMNS
        for plate, well, site, compound, *names, role in read_table(folder, table, wanted, (_ROLE,)):
            content = _MOCK if role.lower() == "mock" and not compound else (compound or None, None)
            rows.add(plate, f"{well.upper()}_s{site}", content, table)
            for name in names:
                if found := homeless.pop(name, None):
                    path, site_name, channel = found
                    fields.add(f"{plate}_{site_name}", channel, path)
    return rows


_PLATES: Final = (
    "20585 20586 20589 20590 20591 20592 20593 20594 20595 20596 "
    "20607 20608 20625 20626 20630 20633 20639 20640 20641 20646"
)

SOURCE = Source(
    dir_name="bbbc022",
    database="BBBC",
    name="Human U2OS cells - compound cell-painting experiment",
    accession="BBBC022",
    url=page("BBBC022"),
    downloads=(
        download("BBBC022", "BBBC022_v1_image.csv", 35_000_000),
        *(download("BBBC022", f"BBBC022_v1_images_{p}w{c}.zip") for p in _PLATES.split() for c in range(1, 6)),
    ),
    license=licenses.CC0,
    citation=f"Gustafsdottir et al., PLoS ONE 2013, doi:10.1371/journal.pone.0080999; {COLLECTION} (image set BBBC022)",
    formats=("16-bit TIFF, 696 x 520",),
    images=images,
    specimen="a well",
    repeats="nine sites; the same images in the Image Data Resource are not read",
    batch_unit="plate",
    pixel_size_um=0.656,
    constants={
        "organism": "human",
        "cell_type": "u2os",
        "microscopy": "fluorescence",
    },
    expected_images=69_120,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 6},
)
