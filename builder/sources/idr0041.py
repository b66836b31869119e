"""IDR idr0041, proteins of mitosis filmed in 4D: one record per time point, a stack of three channels.

Layout: ``…/<assay>/<cell>/rawtif/TR1_W0001_P0007_T0001.tif``, or ``…/<assay>_raw/<cell>_T0001.tif`` in corrected
copies, which count where both are there. Masks, concentration maps and calibrations are left out.

A file holds 31 planes of each of three channels (the protein's GFP, chromatin, and dextran around the cell). The
original opened its first plane, often empty; here a record is the largest value over all planes, which does not depend
on the order of planes and channels. The protein is what the line reports (cell_visible) and, tagged at its gene by
genome editing, the gene. ``GFP with nuclear export signal`` is no gene and shows the cytoplasm. Time points of one cell
share the group.

Open questions: the order of planes, and whether all assays kept the two layouts above.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import MAX_PROJECTION, Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood, idr_downloads
from builder.sources.common.tables import Rows, find_tables, read_table

_RAW = re.compile(r"(?:^|.*/)([^/]+_MitoSys\d+)/([^/]+)/rawtif/[^/]*_(T\d+)\.tiff?$")
_CORRECTED = re.compile(r"(?:^|.*/)([^/]+_MitoSys\d+)_raw/([^/]+)_(T\d+)\.tiff?$")
_DERIVED = re.compile(r"(?:^|/)(?:masktif|conctif|[^/]+_(?:mask|conc)|Calibration)/", re.IGNORECASE)
_CYTOPLASMIC: Final = "gfp with nuclear export signal"
_TABLE: Final = "idr0041-experimentA-annotation.csv"
_COLUMNS: Final = ("Dataset Name", "Image Name", "Comment [Gene Symbol]")
_CELL_PATH: Final = "Comment [Image File Path]"  # in early versions, whose image names lack the cell


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per time point of a cell."""
    rows, genes = _read_rows(folder)
    files = _find_files(folder)
    for (assay, cell, time), path in sorted(files.items()):
        gene = rows.get(assay, f"{cell}_{time}", (path,)) or genes.get(assay, "")
        protein = gene.lower() or "protein"
        is_gene = protein != _CYTOPLASMIC
        shows = ("nucleus", protein if is_gene else "cytoplasm")
        yield Image(
            key=f"{assay}/{cell}_{time}",
            channels=(Channel(path, " + ".join(shows), MAX_PROJECTION),),
            group=f"{assay}/{cell}",
            cell_visible="|".join(shows),
            gene=gene if is_gene else None,
        )
    rows.note_unused()
    check_understood(folder, len(files), "…/<assay>/<cell>/rawtif/TR1_W0001_P0007_T0001.tif", (".tif", ".tiff"))


def _find_files(folder: Folder) -> dict[tuple[str, str, str], str]:
    """Return (assay, cell, time point) -> file."""
    raw: dict[tuple[str, str, str], str] = {}
    corrected: dict[tuple[str, str, str], str] = {}
    for path in folder.paths(".tif", ".tiff"):
        if match := _RAW.match(path):
            found = raw
        elif match := _CORRECTED.match(path):
            found = corrected
        else:
            kind = "masks, concentration maps and calibrations, left out"
            folder.notes.add(kind if _DERIVED.search(path) else "files without a known name", path)
            continue
        assay, cell, time = match.groups()
        if found.setdefault((assay, cell, time), path) != path:
            folder.notes.add("second copies of a file, left out", path)
    folder.notes.add_all("files that have a corrected copy, left out", (raw[key] for key in raw if key in corrected))
    return raw | corrected


def _read_rows(folder: Folder) -> tuple[Rows[str], dict[str, str]]:
    """Return assay -> cell and time point -> gene symbol, and the gene of each assay."""
    rows: Rows[str] = Rows(folder.notes)
    genes: dict[str, str] = {}
    for table in find_tables(folder, _TABLE):
        for data_set, image, gene, cell_path in read_table(folder, table, _COLUMNS, (_CELL_PATH,)):
            assay, _, kind = data_set.rpartition("_")
            if kind != "raw":
                continue
            cell = cell_path.removesuffix("/rawtif").rpartition("/")[2]
            rows.add(assay, f"{cell}_{image.rpartition('_')[2]}" if cell else image, gene, table)
            genes.setdefault(assay, gene)
    return rows, genes


SOURCE = Source(
    dir_name="idr0041",
    database="IDR",
    name="Mitotic Atlas",
    accession="idr0041 (project 404)",
    url="https://idr.openmicroscopy.org/webclient/?show=project-404",
    downloads=idr_downloads("idr0041-cai-mitoticatlas", 600_000_000_000, f"experimentA/{_TABLE}"),
    license=licenses.CC_BY_4,
    citation="Cai et al., Nature 2018, doi:10.1038/s41586-018-0518-z; data doi:10.17867/10000112",
    formats=("TIFF stacks, 256 x 256, 31 planes of 3 channels",),
    images=images,
    constants={"organism": "human", "cell_type": "hela", "microscopy": "confocal"},
    expected_images=20_160,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 29, "gene": 27},
)
