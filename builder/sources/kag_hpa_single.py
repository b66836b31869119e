"""Human Protein Atlas, Single Cell Classification (2021).

Each colour file is one record; see ``common.hpa``. ``train.csv`` holds ``ID,Label``, class numbers joined by ``|``, in
146 rows one of them twice. Every training image is one of kag_hpa at its full size, under the same UUID. Class 18,
Negative, shows no structure. The cell line of an image is not stated. In spite of its name the set shows whole fields
with many cells.

Open questions: bit depth (most originals of the Atlas are 16-bit; each file is read as it is); the licence of changed
images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from builder.sources.base import Download, Image, Source
from builder.sources.common import hpa, licenses
from builder.sources.common.folder import Folder

_LOCATIONS: Final = (
    "nucleoplasm",
    "nuclear membrane",
    "nucleoli",
    "nucleoli|nucleoli fibrillar center",
    "nuclear speckles",
    "nuclear bodies",
    "er",
    "golgi",
    "intermediate filaments",
    "actin",
    "microtubules",
    "mitotic spindle",
    "centrosome",
    "cell membrane",
    "mitochondria",
    "aggresome",
    "cytosol",  # the original: cell body, which is a whole cell in other sources
    "vesicles",
    "",  # negative
)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per colour file."""
    return hpa.images(folder, ("ID", "Label"), "|", {str(n): name for n, name in enumerate(_LOCATIONS)})


SOURCE = Source(
    dir_name="kag_hpa_single",
    database="Kaggle",
    name="Human Protein Atlas - Single Cell Classification",
    accession="hpa-single-cell-image-classification",
    url="https://www.kaggle.com/c/hpa-single-cell-image-classification/data",
    downloads=(Download("https://www.kaggle.com/c/hpa-single-cell-image-classification/data", 150_000_000_000),),
    license=licenses.HPA,
    citation=(
        "Le et al., Analysis of the Human Protein Atlas Weakly Supervised Single-Cell Classification competition, "
        "Nature Methods 2022, doi:10.1038/s41592-022-01606-z; Thul et al., A subcellular map of the human proteome, "
        "Science 2017, doi:10.1126/science.aal3321"
    ),
    formats=("PNG, one file per colour, 1728 to 3072 pixels a side",),
    images=images,
    specimen="a field of view",
    repeats="four colours; again at a lower resolution in kag_hpa",
    batch_unit="not stated",
    constants={"organism": "human", "microscopy": "confocal"},
    expected_images=89_460,
    expected_tokens={"organism": 1, "cell_visible": 19},
)
