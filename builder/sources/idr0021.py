"""IDR idr0021: centrosomes in structured illumination microscopy.

A ``.dv`` file is one record, its two or three channels merged.

Layout: ``…/<data set>/<slide>/<name>_SIR_PRJ.dv``, the data set (once with a slash in its name) being the protein
under study. The table knows a file by data set and name. Eight of the 414 images of the table are TIFF files, already
merged from the two channels that their names list; both formats are read.

Specimen: the centrosome, which a file shows alone and projected (structured illumination, 39.5 nm a pixel by the study
file). 45 names are in two data sets, most of them one image under two proteins, so the name is the group. Batch: the
slide, a folder named by proteins and day.

The channels are the sections of a ``.dv`` file, as many as the table lists (two without a row); every one shows a
protein of the centrosome. Antibodies mark the proteins, nothing targets their genes, so there is no gene.

NGFF: read, a store an image, ``…/<data set>/<slide>/<name>.ome.zarr`` (with or without ``.dv``), as IDR calls its
conversions. Public is one image, a sample of OME-Zarr 0.1 called by its number in IDR (1884807, three channels,
https://idr.github.io/ome-ngff-samples): such a store is told by the name in its metadata, where one data set has it.

Open questions: the order of channels in the file (irrelevant to the merged record), and which of them the original's
images showed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses, ngff
from builder.sources.common.folder import Folder
from builder.sources.common.ome_zarr import OmeImage
from builder.sources.common.screens import check_understood, idr_downloads
from builder.sources.common.tables import Rows, find_tables, read_table

_FEWEST_CHANNELS: Final = 2
_DATA_SETS: Final = (
    *("CDK5RAP2-C", "CENT2", "CEP120/20111106", "CEP120/20111209", "CEP152"),
    *("CEP192-M", "CPAP", "NEDD1-C1", "PCNT-N1", "TUBG1-N"),
)
_ENDING: Final = ".dv"
_PATH = re.compile(rf"(?:^|.*/)({'|'.join(_DATA_SETS)})/((?:.*/)?)([^/]+)$")
_TABLE: Final = "idr0021-experimentA-annotation.csv"
_COLUMNS: Final = ("Dataset Name", "Image Name", "Channels", "Phenotype 1")


class _Row(NamedTuple):
    channels: int
    phenotype: str


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per file."""
    rows: Rows[_Row] = Rows(folder.notes)
    data_sets: dict[str, list[str]] = {}
    for table in find_tables(folder, _TABLE):
        for data_set, name, channels, phenotype in read_table(folder, table, _COLUMNS):
            rows.add(data_set, name, _Row(channels.count(";") + 1, phenotype), table)
            data_sets.setdefault(name, []).append(data_set)
    seen: set[str] = set()
    for path in folder.paths(".dv", ".tif", ".tiff"):
        match = _PATH.match(path)
        if not match:
            folder.notes.add("files in no known data set", path)
            continue
        data_set, slide, name = match.groups()
        key = f"{data_set}/{name}"
        if key in seen:
            folder.notes.add("second copies of a file, left out", path)
            continue
        seen.add(key)
        row = rows.get(data_set, name, (path,)) or _Row(_FEWEST_CHANNELS, "")
        yield _image(data_set, slide, name, _channels(path, row.channels), row)
    for path, image in ngff.single_images(folder):
        named = _of_store(path, image, data_sets)
        if named is None:
            folder.notes.add("files in no known data set", path)
            continue
        data_set, slide, name = named
        if f"{data_set}/{name}" in seen:
            folder.notes.add(ngff.COPIES, path)
            continue
        seen.add(f"{data_set}/{name}")
        row = rows.get(data_set, name, (path,)) or _Row(image.size("c"), "")
        if of_store := ngff.channels(folder, path, image, ("centrosome",) * row.channels):
            yield _image(data_set, slide, name, of_store, row)
    rows.note_unused()
    check_understood(folder, len(seen), "…/<data set>/<slide>/<name>_SIR_PRJ.dv")


def _image(data_set: str, slide: str, name: str, channels: tuple[Channel, ...], row: _Row) -> Image:
    return Image(
        key=f"{data_set}/{name}",
        channels=channels,
        group=name,
        batch=slide.strip("/") or data_set,
        cell_visible="centrosome",
        phenotype=row.phenotype,
    )


def _of_store(path: str, image: OmeImage, data_sets: Mapping[str, list[str]]) -> tuple[str, str, str] | None:
    """Return a store's data set, slide and name, if known."""
    if match := _PATH.match(image.root):
        name = ngff.stem(image.root)
        return match[1], match[2], name if name.lower().endswith(_ENDING) else f"{name}{_ENDING}"
    found = data_sets.get(image.name, [])
    return (found[0], "", image.name) if len(found) == 1 else None


def _channels(path: str, sections: int) -> tuple[Channel, ...]:
    """Return a file's sections as channels; TIFFs are already merged."""
    pages = sections if path.lower().endswith(".dv") else 1
    return tuple(Channel(path, "centrosome", page) for page in range(pages))


SOURCE = Source(
    dir_name="idr0021",
    database="IDR",
    name="Pericentriolar Material",
    accession="idr0021 (project 51)",
    url="https://idr.openmicroscopy.org/webclient/?show=project-51",
    downloads=idr_downloads("idr0021-lawo-pericentriolarmaterial", 200_000_000, f"experimentA/{_TABLE}"),
    license=licenses.CC_BY_4,
    citation="Lawo et al., Nature Cell Biology 2012, doi:10.1038/ncb2591",
    formats=("DeltaVision, 257 x 257, 2 or 3 channels", "OME-Zarr, a store an image"),
    images=images,
    constants={"organism": "human", "cell_type": "hela", "microscopy": "super resolution"},
    specimen="centrosome",
    repeats="45 images in two data sets",
    batch_unit="slide",
    single_object=True,
    pixel_size_um=0.0395,
    expected_images=414,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 1, "phenotype": 1},
)
