"""Cell Cycle Experiments: crops of FoldScope photographs of Ascaris uterus.

Each file is one record.

Layout: ``…/interphase/IMG_1667-1.jpg`` and ``…/mitosis/IMG_1681-3.jpg``: the phase is the folder, the name is
photograph and crop; crop numbers run through both phases.

Specimen: a slide with a uterus full of embryos. A crop shows one embryo in its middle and parts of its neighbours:
crops of one photograph overlap, across both phases. Photographs overlap too: of 44 files compared, IMG_1681 and
IMG_1682 show the same embryos three times (1681-9 is 1682-8), IMG_1712 and IMG_1715 at least once, and names do not
tell which others do. So all are one group, which no split can divide. Sessions are not stated, so there is no batch.

Open question: the licence (the download's page was not at hand).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood

_NAME = re.compile(r"(?:^|/)(interphase|mitosis)/IMG_(\d+)-(\d+)\.jpe?g$", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per JPEG."""
    found = 0
    for path in folder.paths(".jpg", ".jpeg"):
        match = _NAME.search(path)
        if not match:
            folder.notes.add("files without a known name", path)
            continue
        phase, photograph, crop = match.groups()
        found += 1
        yield Image(
            key=f"{phase.lower()}_{photograph}_{crop}",
            channels=(Channel(path, "light"),),
            group="slide",
            phenotype=phase,
        )
    check_understood(folder, found, "…/interphase/IMG_<photograph>-<crop>.jpg and …/mitosis/…")


SOURCE = Source(
    dir_name="kag_cell_cycle",
    database="Kaggle",
    name="Cell Cycle Experiments",
    accession="paultimothymooney/cell-cycle-experiments",
    url="https://www.kaggle.com/paultimothymooney/cell-cycle-experiments",
    downloads=(Download("https://www.kaggle.com/datasets/paultimothymooney/cell-cycle-experiments", 770_000),),
    license=licenses.UNRESOLVED,
    citation="P. Mooney, Low-cost cell biology experiments for data scientists, 2019, https://www.kaggle.com/paultimothymooney",
    formats=("8-bit RGB JPEG, 256 x 256",),
    images=images,
    specimen="a slide of embryos",
    repeats="crops and photographs overlap",
    batch_unit="not stated",
    single_object=True,
    constants={"organism": "nematode", "cell_visible": "nucleus", "microscopy": "light"},
    expected_images=90,
    expected_tokens={"organism": 1, "cell_visible": 1, "phenotype": 2},
)
