"""BBBC038, nuclei of the 2018 Data Science Bowl: one record per image.

Images lie in ``<ImageId>/images/<ImageId>.png``, with or without one folder per stage above; ``<ImageId>/masks/`` holds
images too, which are left out. Nothing is said about a single image: organism and microscopy name all that occur.
The original kept the decoys of stage 2, which were never scored, and so are they here: they are real microscopy.

Open questions: the bit depth and colour of stage 2; which images come from one slide (each is a group of its own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.sources.base import Channel, Image, Source
from builder.sources.common import licenses
from builder.sources.common.broad import COLLECTION, anywhere, download, named_files, page
from builder.sources.common.folder import Folder

_NAME = re.compile(r"([0-9a-f]{64})\.png$", re.IGNORECASE)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per PNG named by its ImageId."""
    for path, _, match in named_files(
        folder, _NAME, "<ImageId>/images/<ImageId>.png, an id of 64 hex digits", ".png", place=anywhere
    ):
        image_id = match[1].lower()
        yield Image(key=image_id, channels=(Channel(path, "nucleus"),), group=image_id)


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
    constants={
        "organism": "human|mouse|fly",
        "cell_visible": "nucleus",
        "microscopy": "brightfield|fluorescence",
    },
    expected_images=3_754,
    expected_tokens={"organism": 3, "cell_visible": 1},
)
