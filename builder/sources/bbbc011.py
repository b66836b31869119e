"""BBBC011, C. elegans metabolism assay: one record per file.

Colour brightfield (oil red O). The folder says what the worms are, not the name of the file: ``L4440…`` (empty vector)
is 'wildtype', ``daf-2…`` is 'fat', the original's words. The wells of both folders may have the same names, so the
folder is part of the key.

Specimen: a well of worms. The page speaks of six images per well, so all files of a folder whose names begin with one
well share its group. A file whose name tells no well is grouped with all others of its folder that tell none: one of
them may be the same well again. Whether a folder is one plate is not stated, so there is no batch.

Open questions: the names of the files (``H10s.png`` is known from a published pattern only; other endings may exist);
their number; whether 'daf-2 targeted' should be a gene of the second folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"(.+)\.(?:png|tiff?)$", re.IGNORECASE)
_WORMS = re.compile(r"(?:^|/)((l4440|daf-2)[^/]*)(?=/)", re.IGNORECASE)
_WELL = re.compile(r"[A-P]\d\d", re.IGNORECASE)
_PHENOTYPE = {"l4440": "wildtype", "daf-2": "fat"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per file, grouped by well if known.

    Files whose names tell the same well share a group.
    """
    layout = "L4440_rep1/H10s.png, daf-2_rep1/H10s.png"
    for path, worms, match in named_files(folder, _NAME, layout, ".png", ".tif", ".tiff", place=_WORMS.search):
        plate, vector, stem = worms[1].lower(), worms[2].lower(), match[1]
        well = _WELL.match(stem)
        yield Image(
            key=f"{plate}/{stem}",
            channels=(Channel(path, "brightfield"),),
            group=f"{plate}/{well[0].upper()}" if well else plate,
            phenotype=_PHENOTYPE[vector],
            well=well[0].upper() if well else None,
        )


SOURCE = Source(
    dir_name="bbbc011",
    database="BBBC",
    name="C. elegans metabolism assay",
    accession="BBBC011",
    url=page("BBBC011"),
    downloads=(download("BBBC011", "BBBC011_v1_images.zip", 39_876_190),),
    license=licenses.UNSTATED,
    citation=(
        f"{COLLECTION} (image set BBBC011); O'Rourke et al., Cell Metabolism 2009, doi:10.1016/j.cmet.2009.10.002"
    ),
    formats=("8-bit RGB PNG, 691 x 770",),
    images=images,
    specimen="a well",
    repeats="up to six images per well",
    batch_unit="not stated",
    constants={"organism": "nematode", "microscopy": "brightfield"},
    expected_images=50,
    expected_tokens={"organism": 1, "phenotype": 2},
)
