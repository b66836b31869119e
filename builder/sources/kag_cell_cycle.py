"""Cell Cycle Experiments: crops of FoldScope photographs of Ascaris uterus, one record per file.

Layout: ``…/interphase/IMG_1667-1.jpg`` and ``…/mitosis/IMG_1681-3.jpg``: the phase is the folder, the name is
photograph and crop. Several crops share a photograph, which is the group; crop numbers run through both phases.

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
            group=photograph,
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
    license=licenses.UNSTATED,
    citation="P. Mooney, Low-cost cell biology experiments for data scientists, 2019, https://www.kaggle.com/paultimothymooney",
    formats=("8-bit RGB JPEG, 256 x 256",),
    images=images,
    constants={"organism": "nematode", "cell_visible": "nucleus", "microscopy": "light"},
    expected_images=90,
    expected_tokens={"organism": 1, "cell_visible": 1, "phenotype": 2},
)
