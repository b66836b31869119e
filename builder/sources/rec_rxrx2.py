"""RxRx2: soluble factors on HUVEC.

The six channel files of a site are one record. ``treatment`` is the compound (``EMPTY``: none); its concentration is
not part of the label. 42 of the 433 treatments have a few sites fewer than a class needs: a handful of lost sites loses
classes.

Specimen: a well, imaged at four sites, which is the group: a treatment stands in twelve wells at each of six
concentrations, over two dozen plates. The batch is the experiment, of which there are two. The table calls no well a
control.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.sources.base import Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.recursion import Annotation, table_images, treatment


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per site."""
    return table_images(folder, ("cell_type", "treatment"), _annotate)


def _annotate(values: Sequence[str]) -> Annotation:
    cell_type, name = values
    return Annotation(cell_type=cell_type, compound=treatment(name))


SOURCE = Source(
    dir_name="rec_rxrx2",
    database="Recursion",
    name="RxRx2",
    accession="RxRx2",
    url="https://www.rxrx.ai/rxrx2",
    downloads=(
        Download("https://storage.googleapis.com/rxrx/rxrx2/rxrx2-images.zip", 185_000_000_000),
        Download("https://storage.googleapis.com/rxrx/rxrx2/rxrx2-metadata.zip"),
    ),
    license=licenses.CC_BY_NC_SA_4,
    citation="Cuccarese et al., Functional immune mapping with deep-learning enabled phenomics applied to "
    "immunomodulatory and COVID-19 drug discovery, bioRxiv 2020, doi:10.1101/2020.08.02.233064",
    formats=("8-bit PNG, one file per channel, 1024 x 1024",),
    images=images,
    specimen="a well",
    repeats="four sites",
    batch_unit="experiment",
    constants={"organism": "human", "microscopy": "fluorescence"},
    expected_images=131_953,
    expected_tokens={"organism": 1, "cell_type": 1, "cell_visible": 6, "compound": 433},
)
