"""BBBC038, nuclei (Data Science Bowl 2018): one record per file.

Images lie in ``<ImageId>/images/<ImageId>.png``, with or without one folder per stage above; ``<ImageId>/masks/`` holds
PNGs too, which are left out. The set holds human, mouse and fly cells in brightfield and fluorescence, but nothing is
said about a single image: organism and microscopy are unknown (the original gave every image all three organisms).
The original kept the decoys of stage 2, which were never scored, and so are they here: they are real microscopy.

Specimen: a photograph. Many were cut into 2 to 12 tiles with an ImageId each, whose borders continue one another.
``bbbc038_tiles.csv`` lists 526 such tiles of 142 photographs; it was made by comparing the borders of 664 of the 670
images of stage1_train (borders compared in reverse, as a control, gave 1 link against 473). Images that it does not
list are one group: whether they are tiles of one photograph is not known. Nothing tells a batch.

Open questions: the bit depth and colour of stage 2; the tiles among its images and those of stage1_test.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_TILES: Final = Path(__file__).with_name("bbbc038_tiles.csv")
_NAME = re.compile(r"([0-9a-f]{64})\.png$", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per PNG named by its ImageId."""
    photographs = _photographs()
    for path, _, match in named_files(
        folder, _NAME, "<ImageId>/images/<ImageId>.png, an id of 64 hex digits", ".png", place=anywhere
    ):
        image_id = match[1].lower()
        photograph = photographs.get(image_id)
        if not photograph:
            folder.notes.add("images whose photograph is not known, one group", path)
        group = f"photograph {photograph}" if photograph else "unlisted"
        yield Image(key=image_id, channels=(Channel(path, "nucleus"),), group=group)


def _photographs() -> dict[str, str]:
    """Return ImageId -> photograph that it is a tile of."""
    with _TILES.open(encoding="utf-8", newline="") as file:
        return {row["image_id"]: row["photograph"] for row in csv.DictReader(file)}


SOURCE = Source(
    dir_name="bbbc038",
    database="BBBC",
    name="Kaggle 2018 Data Science Bowl",
    accession="BBBC038",
    url=page("BBBC038"),
    downloads=(
        download("BBBC038", "stage1_train.zip", 82_900_000),
        download("BBBC038", "stage1_test.zip", 9_500_000),
        download("BBBC038", "stage2_test_final.zip", 289_700_000),
    ),
    license=licenses.CC0,
    citation=f"Caicedo et al., Nature Methods 2019, doi:10.1038/s41592-019-0612-7; {COLLECTION} (image set BBBC038)",
    formats=("8-bit RGBA PNG, 256 x 256 to 1272 x 603 (stage 1)",),
    images=images,
    specimen="a photograph",
    repeats="cut into up to 12 tiles",
    batch_unit="not stated",
    constants={
        "cell_visible": "nucleus",
    },
    expected_images=3_754,
    expected_tokens={"cell_visible": 1},
)
