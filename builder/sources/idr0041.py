"""IDR idr0041: proteins of mitosis in 4D live imaging.

A time point, a stack of three channels, is one record.

Layout: ``…/<assay>/<cell>/rawtif/TR1_W0001_P0007_T0001.tif``, or ``…/<assay>_raw/<cell>_T0001.tif`` in corrected
copies, which count where both are there. Masks, concentration maps and calibrations are left out.

A file holds 31 planes of each of three channels (the protein's GFP, chromatin, and dextran around the cell). The
original opened its first plane, often empty; here a record is the largest value over all planes, which does not depend
on the order of planes and channels. The protein, tagged at its gene, is what is visible; nothing perturbs the gene, so
that, unlike in the original, there is none. ``GFP with nuclear export signal`` shows the cytoplasm.

Specimen: the cell, one dividing cell in the middle of each image, filmed 40 times in an hour. Batch: the assay, a line
on a day. The study file states 0.25 µm a pixel. Versions of the table name data sets with or without ``_raw``.

NGFF: read, a store an image, in place of the file: ``…/<assay>_raw/<cell>_T0001.ome.zarr``, as IDR calls its
conversions. No image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: the order of planes, and whether all assays kept the two layouts above.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Final

from builder.sources.base import MAX_PROJECTION, Channel, Image, Source
from builder.sources.common import licenses, ngff
from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import OmeImage
from builder.sources.common.screens import check_understood, idr_downloads
from builder.sources.common.tables import Rows, find_tables, read_table

_ENDINGS: Final = r"(?:\.tiff?)?(?:\.ome)?(?:\.tiff?|\.zarr|\.ozx)"
_RAW = re.compile(rf"(?:^|.*/)([^/]+_MitoSys\d+)/([^/]+)/rawtif/[^/]*_(T\d+){_ENDINGS}$")
_CORRECTED = re.compile(rf"(?:^|.*/)([^/]+_MitoSys\d+)_raw/([^/]+)_(T\d+){_ENDINGS}$")
_DERIVED = re.compile(r"(?:^|/)(?:masktif|conctif|[^/]+_(?:mask|conc)|Calibration)/", re.IGNORECASE)
_CYTOPLASMIC: Final = "gfp with nuclear export signal"
_TABLE: Final = "idr0041-experimentA-annotation.csv"
_COLUMNS: Final = ("Dataset Name", "Image Name", "Comment [Gene Symbol]")
_KIND: Final = "Comment [Image File Type]"  # original images, segmentation masks, concentration maps
_DATA_SET = re.compile(r"(.+?)(?:_(raw|mask|conc))?")
_CELL_PATH: Final = "Comment [Image File Path]"  # in early versions, whose image names lack the cell


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per time point of a cell."""
    rows, genes = _read_rows(folder)
    stores = {image.root: image for _, image in ngff.single_images(folder)}
    files = _find_files(folder, stores)
    for (assay, cell, time), path in sorted(files.items()):
        gene = rows.get(assay, f"{cell}_{time}", (path,)) or genes.get(assay, "")
        protein = gene.lower() or "protein"
        shows = ("nucleus", "cytoplasm" if protein == _CYTOPLASMIC else protein)
        yield Image(
            key=f"{assay}/{cell}_{time}",
            channels=(_channel(path, " + ".join(shows), stores.get(path)),),
            group=f"{assay}/{cell}",
            cell_visible="|".join(shows),
            batch=assay,
            timepoint=time,
        )
    rows.note_unused()
    check_understood(folder, len(files), "…/<assay>/<cell>/rawtif/TR1_W0001_P0007_T0001.tif", (".tif", ".tiff"))


def _channel(path: str, shows: str, image: OmeImage | None) -> Channel:
    """Return the projection over all planes of an image."""
    if image is None:
        return Channel(path, shows, MAX_PROJECTION)
    return Channel(image.key(project=math.prod(image.shape[:-2])), shows)


def _find_files(folder: Folder, stores: Iterable[str]) -> dict[tuple[str, str, str], str]:
    """Return (assay, cell, time point) -> file."""
    raw: dict[tuple[str, str, str], str] = {}
    corrected: dict[tuple[str, str, str], str] = {}
    for path in (*folder.paths(".tif", ".tiff"), *stores):
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
    """Return gene symbols by assay, cell and time point.

    The second result holds the gene of each assay.
    """
    rows: Rows[str] = Rows(folder.notes)
    genes: dict[str, str] = {}
    for table in find_tables(folder, _TABLE):
        for data_set, image, gene, cell_path, file_type in read_table(folder, table, _COLUMNS, (_CELL_PATH, _KIND)):
            match = _DATA_SET.fullmatch(data_set)
            if not match or match[2] in ("mask", "conc") or file_type.lower() not in ("", "original images"):
                continue
            assay = match[1]
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
    formats=("TIFF stacks, 256 x 256, 31 planes of 3 channels", "OME-Zarr, a store a stack"),
    images=images,
    constants={"organism": "human", "cell_type": "hela", "microscopy": "confocal"},
    specimen="cell",
    repeats="40 time points",
    batch_unit="assay (line and day)",
    single_object=True,
    pixel_size_um=0.25,
    expected_images=20_160,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 29},
)
