"""BBBC020, murine macrophages: one record per file.

There are two stains a field. One folder per field (``jw-1h 1``) holds ``…_c1.TIF`` (CD11b/APC, the cell surface, drawn
yellow), ``…_c5.TIF`` (DAPI, the nucleus, drawn blue) and ``…_(c1+c5).TIF``, a coloured overlay of both, which is
counted and left out: it would show each field twice. Masks lie in ``BBC020_v1_outlines_…`` (one B missing in the
release).

Specimen: a culture of macrophages, imaged at several fields. A name tells the condition (``jw-1h``, ``jw-Kontrolle``)
and a running number; whether the fields of a condition are of one culture, and whether they overlap, is not stated. So
the group is the condition, with all its fields. Sessions are not stated, so there is no batch.

Open question: whether the original's 25 records were the overlays or the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"((jw-[^/]*?)[ _]?\d*)_(c1|c5|\(c1\+c5\))\.tiff?$", re.IGNORECASE)
_STAIN = {"c1": "cell surface", "c5": "nucleus"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per stain, grouped by condition."""
    for path, _, match in named_files(folder, _NAME, "jw-1h 1/jw-1h 1_c1.TIF", ".tif", ".tiff", place=anywhere):
        field, stain = match[1], match[3].lower()
        if stain not in _STAIN:
            folder.notes.add("overlays of both stains, left out", path)
            continue
        yield Image(
            key=f"{field}_{stain}",
            channels=(Channel(path, _STAIN[stain]),),
            group=match[2],
            cell_visible=_STAIN[stain],
        )


SOURCE = Source(
    dir_name="bbbc020",
    database="BBBC",
    name="Murine bone-marrow derived macrophages",
    accession="BBBC020",
    url=page("BBBC020"),
    downloads=(download("BBBC020", "BBBC020_v1_images.zip", 92_000_000),),
    license=licenses.CC_BY_NC_SA_3,
    citation=(
        f"Wenzel et al., Frontiers in Physiology 2011, doi:10.3389/fphys.2011.00071; {COLLECTION} (image set BBBC020)"
    ),
    formats=("8-bit RGB TIFF, 1388 x 1040",),
    images=images,
    specimen="a culture under one condition",
    repeats="several fields, two stains",
    batch_unit="not stated",
    constants={"organism": "mouse", "cell_type": "macrophage", "microscopy": "fluorescence"},
    expected_images=50,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 2},
)
