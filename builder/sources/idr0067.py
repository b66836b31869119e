"""IDR idr0067: yeast meiosis.

Each ``.dv`` file (raw, deconvolved or reference) is one record, as in the original.

Layout: ``…/<figure>/<folder>/<name>_R3D.dv`` (raw), ``_R3D_D3D.dv`` (deconvolved) and ``_R3D_REF.dv`` (bright field).
Electron micrographs (TIFF) are excluded. Rows and files meet by name, which is unique among the ``.dv`` files.

Specimen: the field of cells. It is there three times, raw, deconvolved and in bright field, and again as a projection
(TIFF, left out as a copy). Batch: the session, whose name ends before the number of the field.

Fluorescent files are movies of stacks of two or three channels; which plane the original took is unknown. Here it is
the one in the middle of the file. cell_visible holds both tagged proteins: histones as nucleus, a construct by the
protein it is made of.

NGFF: not read; no image of the study is among the public samples (https://idr.github.io/ome-ngff-samples).

Open questions: the order of planes in the files, hence which of the two proteins the middle plane shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from builder.sources.base import MIDDLE_PLANE, Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood, idr_downloads
from builder.sources.common.tables import Rows, find_tables, read_table

_NAME = re.compile(r"(.+?)(?:_R3D(?:_D3D|_REF)?)?\.dv$", re.IGNORECASE)
_NUMBER = re.compile(r"_\d+$")
_REFERENCE: Final = "_r3d_ref.dv"
_SHOWN: Final = {
    "htb1": "nucleus",  # histone H2B
    "hta1": "nucleus",  # histone H2A
    "yegfp-spo20(51-91)": "spo20",
    "egfp-h2nls-l-tm": "nuclear membrane",  # a reporter of its inner side
}
_TABLE: Final = "idr0067-experimentA-annotation.csv"
_COLUMNS: Final = (
    "Image Name",
    "Experimental Condition [Imaging Type]",
    "Comment [Protein] 1",
    "Comment [Construct/Marker] 1",
    "Comment [Protein] 2",
)


class _Row(NamedTuple):
    shows: tuple[str, ...]


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per file."""
    rows: Rows[_Row] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE):
        for name, imaging, protein, construct, second in read_table(folder, table, _COLUMNS):
            if name.lower().endswith(".dv") and "electron" not in imaging.lower():
                shown = (word.lower() for word in (protein or construct, second) if word)
                rows.add("", name, _Row(tuple(dict.fromkeys(_SHOWN.get(word, word) for word in shown))), table)
    folder.notes.add_all("electron micrographs and projections, left out", folder.paths(".tif", ".tiff"))
    seen: set[str] = set()
    for path in folder.paths(".dv"):
        name = path.rpartition("/")[2]
        if name in seen:
            folder.notes.add("second copies of a file, left out", path)
            continue
        seen.add(name)
        match = _NAME.match(name)
        row = rows.get("", name, (path,)) or _Row(())
        is_reference = name.lower().endswith(_REFERENCE)
        shows = "brightfield" if is_reference else " + ".join(row.shows) or "protein"
        yield Image(
            key=name,
            channels=(Channel(path, shows, MIDDLE_PLANE),),
            group=match[1] if match else name,
            batch=_NUMBER.sub("", match[1]) if match else None,
            cell_visible="cell body" if is_reference else "|".join(row.shows),
            microscopy="brightfield" if is_reference else "fluorescence",
        )
    rows.note_unused()
    check_understood(folder, len(seen), "…/<figure>/<folder>/<name>_R3D.dv", (".dv", ".jpg", ".png"))


SOURCE = Source(
    dir_name="idr0067",
    database="IDR",
    name="Yeast Meiosis",
    accession="idr0067 (project 904)",
    url="https://idr.openmicroscopy.org/webclient/?show=project-904",
    downloads=idr_downloads("idr0067-king-yeastmeiosis", 284_000_000_000, f"experimentA/{_TABLE}"),
    license=licenses.CC_BY_4,
    citation="King et al., eLife 2019, doi:10.7554/eLife.47156; data doi:10.17867/10000130",
    formats=("DeltaVision, 1024 x 1024, stacks and movies of 2 or 3 channels",),
    images=images,
    constants={"organism": "yeast", "cell_type": "sk1"},
    specimen="field of cells",
    repeats="raw, deconvolved, bright field",
    batch_unit="session",
    expected_images=252,
    expected_tokens={"organism": 1, "cell_type": 1},
)
