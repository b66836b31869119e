"""Human Protein Atlas Image Classification (2018).

Each colour file is one record; see ``builder.sources.common.hpa``. ``train.csv`` holds ``Id,Target``, class numbers
separated by blanks; test images have no row, and their green files no structure. The full-size TIFF copies of the same
fields are not read. The cell line of an image is not stated (17 were used), so that ``cell_type`` is unknown; the
original's table says u2os, which holds for a part of them only.

Open questions: the licence of changed images (the competition's rules; the Atlas allows non-commercial use with
citation); the folder that the archives are unpacked into (any will do).
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
    "nucleoli|nucleoli fibrillar center",  # a part of the nucleoli: it shows both
    "nuclear speckles",
    "nuclear bodies",
    "er",
    "golgi",
    "peroxisomes",
    "endosomes",
    "lysosomes",
    "intermediate filaments",
    "actin",
    "focal adhesion sites",
    "microtubules",
    "microtubule ends",
    "cytokinetic bridge",
    "mitotic spindle",
    "microtubule organizing center",
    "centrosome",
    "lipid droplets",
    "cell membrane",
    "cell junctions",
    "mitochondria",
    "aggresome",
    "cytosol",  # the original: cell body, which is a whole cell in other sources
    "cytoplasmic bodies",
    "rods & rings",
)


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per colour file."""
    return hpa.images(folder, ("Id", "Target"), None, {str(n): name for n, name in enumerate(_LOCATIONS)})


SOURCE = Source(
    dir_name="kag_hpa",
    database="Kaggle",
    name="Human Protein Atlas Image Classification",
    accession="human-protein-atlas-image-classification",
    url="https://www.kaggle.com/c/human-protein-atlas-image-classification/data",
    downloads=(
        Download(
            "https://www.kaggle.com/c/human-protein-atlas-image-classification/data?select=train.zip", 14_000_000_000
        ),
        Download(
            "https://www.kaggle.com/c/human-protein-atlas-image-classification/data?select=test.zip", 4_400_000_000
        ),
        Download("https://www.kaggle.com/c/human-protein-atlas-image-classification/data?select=train.csv"),
    ),
    license=licenses.HPA,
    citation=(
        "Ouyang et al., Analysis of the Human Protein Atlas Image Classification competition, Nature Methods 2019, "
        "doi:10.1038/s41592-019-0658-6; Thul et al., A subcellular map of the human proteome, Science 2017, "
        "doi:10.1126/science.aal3321"
    ),
    formats=("8-bit PNG, one file per colour, 512 x 512",),
    images=images,
    specimen="a field of view",
    repeats="four colours; again at full size in kag_hpa_single",
    batch_unit="not stated",
    constants={"organism": "human", "microscopy": "confocal"},
    expected_images=171_096,
    expected_tokens={"organism": 1, "cell_visible": 29},
)
