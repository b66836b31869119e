"""Leukemia Classification (C-NMC 2019): segmented white blood cells.

Cells are cut out on black; each file is one record.

Layout: ``training_data/fold_0/all/UID_11_10_1_all.bmp`` (subject, image, cell, class), and two test sets whose files
are only numbered, ``C-NMC_test_prelim_phase_data/1.bmp`` and ``C-NMC_test_final_phase_data/1.bmp``: the folder tells
them apart (the original poured both into one folder, so that files overwrote each other). The first test set's labels
and subjects stand in ``C-NMC_test_prelim_phase_data_labels.csv``; the second has none.

Specimen: a subject, whose photographs give many cells, one an image. 104 pairs of training files are byte-identical,
99 of them under two subjects: subjects joined by such a pair are one group (found from the checksums of the whole
download, without reading files here). Images of a test set whose subjects are not known are one group. Slides and
sessions are not stated, so there is no batch.

Open question: which of two licences holds (TCIA and the Kaggle page each state one). The black surround makes the 75th
percentile of many files 0, which quality control rejects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.sources.base import Channel, Download, Image, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.sources.common.screens import check_understood
from builder.sources.common.tables import Rows, find_tables, read_table

_TRAINING = re.compile(r"(?:^|/)UID_(H?\d+)_(\d+)_(\d+)_(all|hem)\.bmp$", re.IGNORECASE)
_TEST = re.compile(r"(?:^|/)C-NMC_test_(prelim|final)_phase_data/(\d+)\.bmp$", re.IGNORECASE)
_TABLE: Final = "C-NMC_test_prelim_phase_data_labels.csv"
_PHENOTYPE: Final = {"all": "leukemia", "hem": "wildtype"}
_SAME_CELLS: Final = (("20", "21"), ("51", "75", "78"), ("H2", "H4", "H5", "H6"), ("H3", "H10"))
_GROUPS: Final = {subject: "=".join(same) for same in _SAME_CELLS for subject in same}


def images(folder: Folder) -> Iterator[Image]:
    """Yield one image per BMP."""
    rows = _read_rows(folder)
    found = 0
    for path in folder.paths(".bmp"):
        if match := _TRAINING.search(path):
            image = _training_image(path, match)
        elif match := _TEST.search(path):
            image = _test_image(path, match, rows)
        else:
            folder.notes.add("files without a known name", path)
            continue
        found += 1
        yield image
    rows.note_unused()
    check_understood(folder, found, "UID_<subject>_<image>_<cell>_<all or hem>.bmp and C-NMC_test_…_phase_data/1.bmp")


def _training_image(path: str, match: re.Match[str]) -> Image:
    subject, image, cell, kind = match[1].upper(), match[2], match[3], match[4].lower()
    return Image(
        key=f"training_{subject}_{image}_{cell}_{kind}",
        channels=(Channel(path, "brightfield"),),
        group=_GROUPS.get(subject, subject),
        phenotype=_PHENOTYPE[kind],
    )


def _test_image(path: str, match: re.Match[str], rows: Rows[tuple[str, str]]) -> Image:
    phase, number = match[1].lower(), str(int(match[2]))
    row = rows.get(_TABLE, number, (path,)) if phase == "prelim" else None
    subject, phenotype = row or (f"{phase} test set", None)
    return Image(
        key=f"{phase}_{number}",
        channels=(Channel(path, "brightfield"),),
        group=_GROUPS.get(subject, subject),
        phenotype=phenotype,
    )


def _read_rows(folder: Folder) -> Rows[tuple[str, str]]:
    """Read number of the file -> (subject, phenotype)."""
    rows: Rows[tuple[str, str]] = Rows(folder.notes)
    for table in find_tables(folder, _TABLE, of_labels=False):
        for old_name, name, label in read_table(folder, table, ("Patient_ID", "new_names", "labels")):
            match = _TRAINING.search(old_name)
            number = name.lower().removesuffix(".bmp")
            if not match or not number.isdecimal() or label != ("1" if match[4].lower() == "all" else "0"):
                folder.notes.add("malformed rows", f"{table}: {old_name} {name} {label}")
            else:
                rows.add(_TABLE, str(int(number)), (match[1].upper(), _PHENOTYPE[match[4].lower()]), table)
    return rows


SOURCE = Source(
    dir_name="kag_leukemia",
    database="Kaggle",
    name="Leukemia Classification",
    accession="andrewmvd/leukemia-classification",
    url="https://www.kaggle.com/andrewmvd/leukemia-classification",
    downloads=(Download("https://www.kaggle.com/datasets/andrewmvd/leukemia-classification", 10_400_000_000),),
    license=licenses.UNRESOLVED,
    citation="Gupta & Gupta, C-NMC challenge dataset of ISBI 2019, The Cancer Imaging Archive, "
    "doi:10.7937/tcia.2019.dc64i46r",
    formats=("24-bit BMP, 450 x 450 and 600 x 600",),
    images=images,
    specimen="a subject",
    repeats="many cells; some files again under another subject",
    batch_unit="not stated",
    single_object=True,
    constants={"organism": "human", "cell_type": "white blood cell", "microscopy": "brightfield"},
    expected_images=15_114,
    expected_tokens={"organism": 1, "cell_type": 1, "phenotype": 2},
)
