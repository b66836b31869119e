"""RxRx19a: drugs against SARS-CoV-2.

The five channel files of a site are one record. This set has no MitoTracker: w5 is wheat germ agglutinin. The disease
condition is the phenotype, the treatment the compound; 29 treatments are written in two cases (``Chloroquine``,
``chloroquine``), which lower case merges. HRCE cells are human, Vero cells are from the African green monkey; the
original called both human. The PNGs are dark (maxima of 36 to 145 of 255 are usual).

Specimen: a well, imaged at four sites, which is the group; the batch is the experiment, of which there are four. The
table calls no well a control.

Open questions: no real row of the table was at hand: its columns are those that the readme and published analyses
name. Tables from before August 2020 map some compounds otherwise and lack ``SMILES``; they are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from builder.sources.base import Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.recursion import Annotation, table_images, treatment

_STAINS: Final = {"1": "nucleus", "2": "er", "3": "actin", "4": "nucleoli", "5": "golgi"}
_ORGANISM: Final = {"hrce": "human", "vero": "african green monkey"}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per site."""
    for image in table_images(folder, ("cell_type", "disease_condition", "treatment"), _annotate, _STAINS):
        yield image._replace(organism=_ORGANISM.get((image.cell_type or "").lower()))


def _annotate(values: Sequence[str]) -> Annotation:
    cell_type, condition, name = values
    return Annotation(cell_type=cell_type, phenotype=condition or None, compound=treatment(name))


SOURCE = Source(
    dir_name="rec_rxrx19a",
    database="Recursion",
    name="RxRx19a",
    accession="RxRx19a",
    url="https://www.rxrx.ai/rxrx19a",
    downloads=(
        Download("https://storage.googleapis.com/rxrx/RxRx19a/RxRx19a-images.zip", 450_000_000_000),
        Download("https://storage.googleapis.com/rxrx/RxRx19a/RxRx19a-metadata.zip"),
    ),
    license=licenses.CC_BY_4,
    citation="Heiser et al., Identification of potential treatments for COVID-19 through artificial "
    "intelligence-enabled phenomic analysis of human cells infected with SARS-CoV-2, bioRxiv 2020, "
    "doi:10.1101/2020.04.21.054387",
    formats=("8-bit PNG, one file per channel, 1024 x 1024",),
    images=images,
    specimen="a well",
    repeats="four sites",
    batch_unit="experiment",
    constants={"microscopy": "fluorescence"},
    expected_images=305_520,
    expected_tokens={"organism": 2, "cell_type": 2, "cell_visible": 5, "phenotype": 3, "compound": 1_638},
)
