"""IDR idr0072: subcellular localisation of EGFP-tagged proteins.

A field, EGFP on a landmark protein and DNA, is one record.

Layout: ``…/<plate>/001001000.flex`` (row, column, screen), all fields and both channels of a well in one file, EGFP
first: a record is two pages, and the file's directories tell how many there are. The original converted the files to
TIFF beforehand, probably one a field; such files, named alike or ``<plate>__<Meas_01>__<A01>__….tif``, are one record
each, instead of their ``.flex``.

Plate folders differ from the table's plates in case, separators and dates. ``idr0072-screen{A,B}-plates.tsv``
translates them where it is there; without it, names are compared without separators (and without the measurement, if
that is enough to tell a plate), and folders that match no plate have no rows.

cell_visible is ``nucleus``, the protein, and the compartment where the table locates it; ``nucleus`` alone for a well
without a row. The original gave the protein's gene as well, ``vamp5 targeted``: a tagged protein is seen, its gene is
not perturbed, so there is none here. Columns that spreadsheets have counted upwards (accessions, sequences) are not
read.

Specimen: the well of a plate. 141 wells were measured two to five times (``Meas_01`` to ``Meas_05`` of one plate) and
share a group, with all their fields. Batch: the plate.

NGFF: read, a store a plate, a record a field. Public is one plate of screen B, a sample of OME-Zarr 0.4 with 72 wells,
20 fields and two channels, called by its number in IDR (9512, https://idr.github.io/ome-ngff-samples); the plate's name
is in its metadata. Channels are taken in the order of the ``.flex``. Fields whose well is there as a file are left out.

Open questions: the order of pages where a file does not hold two a field; what exactly the converted files show.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses, ngff
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood, idr_downloads
from builder.sources.common.tables import Rows, find_tables, read_table
from builder.sources.common.wells import parse_well

_FILE = re.compile(r"(\d{6})\d{3}(.*?)\.(?:flex|tiff?)$", re.IGNORECASE)
_CONVERTED = re.compile(r"(.+?)__(Meas_?\d+)__([A-P]\d\d?)(__.*)?\.tiff?$", re.IGNORECASE)
_MEASUREMENT = re.compile(r"meas_?\d+", re.IGNORECASE)
_LAST_MEASUREMENT = re.compile(r"meas\d+$")
_SEPARATORS = re.compile(r"[^a-z0-9]+|library")
_STUDY: Final = "idr0072-schormann-subcellref"
_TABLES: Final = ("idr0072-screenA-annotation.csv", "idr0072-screenB-annotation.csv")
_PLATES: Final = ("idr0072-screenA-plates.tsv", "idr0072-screenB-plates.tsv")
_COLUMNS: Final = (
    "Plate",
    "Well",
    "Characteristics [Organism]",
    "Characteristics [Cell Line]",
    "Comment [Protein Name Abbreviation]",
    "Experimental Condition [Subcellular Localization]",
)
_FIELD_PAGES: Final = 2  # EGFP, DNA


class _Row(NamedTuple):
    organism: str
    cell_type: str
    protein: str
    compartment: str  # several joined by ", "


class _File(NamedTuple):
    plate: str  # its folder, simplified
    well: str
    part: str  # of the well, for converted files
    path: str


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per field."""
    rows, plates = _read_rows(folder)
    files = sorted(_find_files(folder))
    converted = {(file.plate, file.well) for file in files if not _is_flex(file.path)}
    found: set[str] = set()
    for file in files:
        if _is_flex(file.path) and (file.plate, file.well) in converted:
            folder.notes.add("files that have converted copies, left out", file.path)
            continue
        key = f"{file.plate}_{file.well}{file.part}"
        if key in found:
            folder.notes.add("second copies of a file, left out", file.path)
            continue
        found.add(key)
        row = rows.get(plates.get(file.plate, file.plate), file.well, (file.path,))
        for field, channels in enumerate(_fields(folder, file.path, _protein(row))):
            yield _image(f"{key}_f{field + 1}" if field else key, file.plate, file.well, row, channels)
    of_files = {(file.plate, file.well) for file in files}
    stores = 0
    for plate_field in ngff.plate_fields(folder):
        plate, well = _tail(plate_field.plate), plate_field.well
        if (plate, well) in of_files:
            folder.notes.add(ngff.COPIES, plate_field.path)
            continue
        row = rows.get(plates.get(plate, plate), well, (plate_field.path,))
        if of_store := ngff.channels(folder, plate_field.path, plate_field.image, (_protein(row), "nucleus")):
            number = f"_f{plate_field.number + 1}" if plate_field.number else ""
            yield _image(f"{plate}_{well}{number}", plate, well, row, of_store)
            stores += 1
    rows.note_unused()
    check_understood(folder, len(found) + stores, "…/<plate>/001001000.flex")


def _protein(row: _Row | None) -> str:
    return row.protein.lower() if row else "protein"


def _image(key: str, plate: str, well: str, row: _Row | None, channels: tuple[Channel, ...]) -> Image:
    physical = _LAST_MEASUREMENT.sub("", plate) or plate
    return Image(
        key=key,
        channels=channels,
        group=f"{physical}_{well}",
        organism=row and row.organism,
        cell_type=row and row.cell_type,
        cell_visible="|".join(("nucleus", row.protein, *row.compartment.split(", "))) if row else "nucleus",
        batch=physical,
        well=well,
    )


def _is_flex(path: str) -> bool:
    return path.lower().endswith(".flex")


def _fields(folder: Folder, path: str, protein: str) -> list[tuple[Channel, ...]]:
    """Return the channels of each field of a file."""
    if not _is_flex(path):
        return [(Channel(path, f"nucleus + {protein}"),)]
    pages = folder.count_pages(path)
    if pages == 0 or pages % _FIELD_PAGES:
        folder.notes.add("files that do not hold two pages a field, read as one field", path)
    return [
        (Channel(path, protein, page), Channel(path, "nucleus", page + 1))
        for page in range(0, max(pages - pages % _FIELD_PAGES, _FIELD_PAGES), _FIELD_PAGES)
    ]


def _find_files(folder: Folder) -> Iterator[_File]:
    """Yield the files by plate and well."""
    for path in folder.paths(".flex", ".tif", ".tiff"):
        directory, _, name = path.rpartition("/")
        if match := _CONVERTED.match(name):
            plate, well, part = f"{match[1]}/{match[2]}", parse_well(match[3]), match[4] or ""
        elif match := _FILE.match(name):
            plate, well, part = directory, parse_well(match[1]), match[2]
        else:
            well = None
        if well is None:
            folder.notes.add("files without a known name", path)
        elif "ws_nmumg" in plate.lower():
            folder.notes.add("plates that the original dropped, left out", path)
        else:
            yield _File(_tail(plate), well, part, path)


def _tail(plate: str) -> str:
    """Return a plate's folder name for comparison at any depth.

    It is in lower case, without separators.
    """
    *above, last = plate.strip("/").split("/")
    if above and _MEASUREMENT.fullmatch(last):
        last = f"{above[-1]}{last}"
    return _SEPARATORS.sub("", last.lower()).replace("landmarks", "landmark")


def _read_rows(folder: Folder) -> tuple[Rows[_Row], dict[str, str]]:
    """Return rows by plate and well, and plates by folder.

    A folder is known by its tail.
    """
    rows: Rows[_Row] = Rows(folder.notes)
    plates: dict[str, str] = {}
    for table in find_tables(folder, *_TABLES):
        for plate, well, *values in read_table(folder, table, _COLUMNS):
            rows.add(plate, parse_well(well) or well, _Row(*values), table)
            plates[_tail(plate)] = plate
    shorter = [(_LAST_MEASUREMENT.sub("", tail), plate) for tail, plate in plates.items()]
    counts = Counter(name for name, _ in shorter)
    plates |= {name: plate for name, plate in shorter if counts[name] == 1}
    for listing in find_tables(folder, *_PLATES, of_labels=False):
        for line in folder.read_text(listing).splitlines():
            plate, _, path = line.partition("\t")
            plates[_tail(path)] = plate
    return rows, plates


SOURCE = Source(
    dir_name="idr0072",
    database="IDR",
    name="Subcellular Localization",
    accession="idr0072 (screens 2952 and 2953)",
    url="https://idr.openmicroscopy.org/webclient/?show=screen-2952",
    downloads=idr_downloads(_STUDY, None, *(f"{name.split('-')[1]}/{name}" for name in (*_TABLES, *_PLATES))),
    license=licenses.CC_BY_4,
    citation="Schormann et al., Journal of Cell Biology 2020, doi:10.1083/jcb.201904090; data doi:10.17867/10000160",
    formats=("Opera flex (TIFF), 1010 x 755, all fields and 2 channels of a well", "OME-Zarr, a store a plate"),
    images=images,
    constants={"microscopy": "confocal"},
    specimen="well",
    repeats="several fields; 141 wells measured two to five times",
    batch_unit="plate",
    expected_tokens={"organism": 2, "cell_type": 2},
)
