"""RxRx19b: drugs against a model of the cytokine storm.

The six channel files of a site are one record. The disease condition (``storm-severe``, ``healthy``) is the phenotype,
the treatment the compound.

Specimen: a well, imaged at one site, which is the group. The whole set is one experiment, the batch. The table calls
no well a control.

Open question: no real row of the table was at hand: its columns are those that the readme and published analyses name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.sources.base import Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.recursion import Annotation, table_images, treatment


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per site."""
    return table_images(folder, ("cell_type", "disease_condition", "treatment"), _annotate)


def _annotate(values: Sequence[str]) -> Annotation:
    cell_type, condition, name = values
    return Annotation(cell_type=cell_type, phenotype=condition or None, compound=treatment(name))


SOURCE = Source(
    dir_name="rec_rxrx19b",
    database="Recursion",
    name="RxRx19b",
    accession="RxRx19b",
    url="https://www.rxrx.ai/rxrx19b",
    downloads=(
        Download("https://storage.googleapis.com/rxrx/rxrx19b/rxrx19b-images.zip", 409_000_000_000),
        Download("https://storage.googleapis.com/rxrx/rxrx19b/rxrx19b-metadata.zip"),
    ),
    license=licenses.CC_BY_4,
    citation="Cuccarese et al., Functional immune mapping with deep-learning enabled phenomics applied to "
    "immunomodulatory and COVID-19 drug discovery, bioRxiv 2020, doi:10.1101/2020.08.02.233064",
    formats=("8-bit PNG, one file per channel, 2048 x 2048",),
    images=images,
    specimen="a well",
    repeats="none",
    batch_unit="experiment",
    constants={"organism": "human", "microscopy": "fluorescence"},
    expected_images=70_384,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 6, "phenotype": 2, "compound": 1_819},
)
