"""RxRx1: siRNA knock-downs in four cell types.

The six channel files of a site are one record. The public release (https://github.com/recursionpharma/rxrx-datasets)
names each siRNA in ``metadata.csv``. Its 30 controls stand in every plate; ``EMPTY`` wells hold no siRNA; ``well_type``
says which are positive and negative controls. ``test`` experiments are ordinary, labelled data. The two Kaggle copies
(``train.csv``, ``train_controls.csv``, ``test.csv``, ``test_controls.csv``, one row per well, images below ``train``
and ``test``) hold the same images, but number or rename the siRNAs: without ``metadata.csv`` their sites keep organism,
cell type, stains and control, and no siRNA is guessed. No table names the genes.

Specimen: a well, imaged at two sites, which is the group; the batch is the experiment, of which there are 51. The 30
controls that fill siRNA classes are on every plate, so that a split by plate would not hold its share.

Open questions: whether the archive holds files of the 77 wells that quality control took out of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from builder.sources.base import Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.recursion import (
    STAINS,
    TABLE,
    Annotation,
    control,
    no_table,
    plate_name,
    site_images,
    table_images,
    treatment,
)
from builder.sources.common.tables import Rows, read_table

_KAGGLE: Final = ("train.csv", "train_controls.csv", "test.csv", "test_controls.csv")
_ROLE: Final = "well_type"


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per site."""
    if folder.named(TABLE) or folder.named(f"{TABLE}.gz"):
        yield from table_images(folder, ("cell_type", "sirna"), _annotate, optional=(_ROLE,))
        return
    rows = _kaggle_wells(folder)
    yield from site_images(folder, lambda plate, field, paths: rows.get(plate, field.partition("_")[0], paths), STAINS)
    rows.note_unused()


def _annotate(values: Sequence[str]) -> Annotation:
    cell_type, sirna, role = values
    return Annotation(cell_type=cell_type, sirna=treatment(sirna), control=control(role))


def _kaggle_wells(folder: Folder) -> Rows[Annotation]:
    """Read the wells of the Kaggle tables.

    They name no siRNA; the experiment's name gives the cell type.
    """
    tables = [path for name in _KAGGLE for path in folder.named(name)]
    if not tables:
        raise no_table(folder, f"{TABLE}, or {', '.join(_KAGGLE)},")
    rows: Rows[Annotation] = Rows(folder.notes)
    for table in tables:
        folder.notes.add("tables that do not name the siRNA, left blank", table)
        for experiment, plate, well, role in read_table(folder, table, ("experiment", "plate", "well"), (_ROLE,)):
            place = plate_name(experiment, plate)
            if place is None:
                folder.notes.add("malformed rows", f"{table}: {experiment} {plate} {well}")
            else:
                rows.add(place, well.upper(), Annotation(experiment.partition("-")[0], control=control(role)), table)
    return rows


SOURCE = Source(
    dir_name="rec_rxrx1",
    database="Recursion",
    name="RxRx1",
    accession="RxRx1",
    url="https://www.rxrx.ai/rxrx1",
    downloads=(
        Download("https://storage.googleapis.com/rxrx/rxrx1/rxrx1-images.zip", 47_000_000_000),
        Download("https://storage.googleapis.com/rxrx/rxrx1/rxrx1-metadata.zip"),
    ),
    license=licenses.CC_BY_NC_SA_4,
    citation=(
        "Taylor et al., RxRx1: An image set for cellular morphological variation across many experimental batches, "
        "AI for Social Good workshop, ICLR 2019; Sypetkowski et al. 2023, arXiv:2301.05768"
    ),
    formats=("8-bit PNG, one file per channel, 512 x 512",),
    images=images,
    specimen="a well",
    repeats="two sites",
    batch_unit="experiment",
    constants={"organism": "human", "microscopy": "fluorescence"},
    expected_images=125_510,
    expected_tokens={"organism": 1, "cell_type": 4, "cell_visible": 6, "sirna": 1_138},
)
