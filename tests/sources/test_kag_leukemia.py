from __future__ import annotations

import csv
from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image
from tests.sources.named import rows_of

_TRAINING = "C-NMC_Leukemia/training_data"
_PRELIM = "C-NMC_Leukemia/validation_data/C-NMC_test_prelim_phase_data"
_FINAL = "C-NMC_Leukemia/testing_data/C-NMC_test_final_phase_data"
_HEADER = ("Patient_ID", "new_names", "labels")
_FILES = (
    f"{_TRAINING}/fold_0/all/UID_11_10_1_all.bmp",
    f"{_TRAINING}/fold_0/all/UID_20_3_1_all.bmp",
    f"{_TRAINING}/fold_1/hem/UID_H10_1_2_hem.bmp",
    f"{_TRAINING}/fold_2/all/UID_21_3_1_all.bmp",
    f"{_TRAINING}/fold_2/hem/UID_h3_12_4_hem.bmp",
    f"{_PRELIM}/1.bmp",
    f"{_PRELIM}/2.bmp",
    f"{_PRELIM}/1865.bmp",
    f"{_FINAL}/1.bmp",
    f"{_FINAL}/2.bmp",
)


class TestLeukemia(SourceTestCase):
    dir_name = "kag_leukemia"
    count = 10
    channel_orders = (("brightfield",),)
    tokens = {
        "organism": {"human": 10},
        "cell_type": {"white blood cell": 10},
        "phenotype": {"leukemia": 4, "wildtype": 3},
    }
    rows = {
        _FILES[0]: {"phenotype": "leukemia", "group": "11", "microscopy": "brightfield"},
        _FILES[1]: {"group": "20=21"},  # 71 files of both are the same
        _FILES[3]: {"group": "20=21", "cell_type": "white blood cell"},
        _FILES[2]: {"phenotype": "wildtype", "group": "H3=H10"},
        _FILES[4]: {"phenotype": "wildtype", "group": "H3=H10"},
        _FILES[5]: {"phenotype": "leukemia", "group": "57"},
        _FILES[6]: {"phenotype": None, "group": "prelim test set"},
        _FILES[7]: {"phenotype": "wildtype", "group": "H32"},
        _FILES[8]: {"phenotype": None, "group": "final test set", "organism": "human"},
        _FILES[9]: {"group": "final test set"},
    }
    groups = 7
    repeated = ((_FILES[1], _FILES[3]), (_FILES[2], _FILES[4]), (_FILES[8], _FILES[9]))
    batches = 0
    single_objects = 10
    notes = {"files without a row": 1, "rows without a file": 1, "malformed rows": 2}
    unknown_files = {
        f"{_PRELIM}/3.bmp.bmp": "files without a known name",
        f"{_TRAINING}/fold_0/all/UID_11_10_1.bmp": "files without a known name",
    }
    missing_files = {_FILES[0]: None, _FILES[5]: "rows without a file"}

    def tree(self, root: Path) -> None:
        for path in _FILES:
            write_image(root / path, (10, 10, 3))
        rows = [("UID_57_29_1_all.bmp", "1.bmp", 1), ("UID_H32_20_1_hem.bmp", "1865.bmp", 0)]
        rows += [("UID_57_30_1_all.bmp", "4.bmp", 1), ("UID_58_1_1_all.bmp", "5.bmp", 0), ("photo.bmp", "6.bmp", 1)]
        write_csv(root / f"{_PRELIM}_labels.csv", _HEADER, rows)


def test_names_alone_label_the_training_images(tmp_path: Path) -> None:
    """Only the first test set needs its table for labels.

    Without the table the rest of the source is of use.
    """
    write_image(tmp_path / _FILES[0], (4, 4, 3))
    folder = Folder.listed(str(tmp_path))
    (image,) = get_source("kag_leukemia").images(folder)
    assert image.phenotype == "leukemia"
    assert not folder.tables
    assert folder.notes.counts == {"annotation tables not found": 1}


def test_no_subject_lies_in_two_groups(tmp_path: Path) -> None:
    """Subjects that checksums join are in one group.

    They were joined by hand from the checksums of the download; no others are.
    """
    subjects = ["1", "20", "21", "51", "75", "78", "H1", "H2", "H3", "H4", "H5", "H6", "H10"]
    for subject in subjects:
        write_image(tmp_path / f"UID_{subject}_1_1_{'hem' if 'H' in subject else 'all'}.bmp", (4, 4, 3))
    groups: dict[str, set[str]] = {}
    for image in get_source("kag_leukemia").images(Folder.listed(str(tmp_path))):
        groups.setdefault(image.group, set()).add(image.key.split("_")[1])
    joined = sorted(sorted(group) for group in groups.values())
    assert joined == [["1"], ["20", "21"], ["51", "75", "78"], ["H1"], ["H10", "H3"], ["H2", "H4", "H5", "H6"]]


@pytest.mark.real
def test_real_table(real_data: Path) -> None:
    """Rows of the first test set's real table.

    They are translated by hand.
    """
    known = {
        "1461": ("wildtype", "H31"),
        "673": ("leukemia", "53"),
        "1131": ("leukemia", "62"),
        "1732": ("wildtype", "H35"),
        "219": ("leukemia", "53"),
        "1861": ("leukemia", "63"),
    }
    rows = rows_of(real_data / "kag_leukemia", "kag_leukemia", [f"{_PRELIM}/{number}.bmp" for number in known])
    assert {key.partition("_")[2]: (row["phenotype"], row["group"]) for key, row in rows.items()} == known


@pytest.mark.real
def test_real_file_names(real_data: Path) -> None:
    """300 real paths are understood; equal contents share a group."""
    with (real_data / "kag_leukemia" / "file_listing.csv").open(newline="") as file:
        listing = [row for row in csv.DictReader(file) if row["path"].endswith(".bmp")]
    rows = rows_of(real_data / "kag_leukemia", "kag_leukemia", [row["path"] for row in listing])
    groups = {row["files"][0]: row["group"] for row in rows.values()}
    assert groups.keys() == {row["path"] for row in listing}
    by_content: dict[str, set[str]] = {}
    for row in listing:
        by_content.setdefault(row["sha256"], set()).add(groups[row["path"]])
    assert all(len(found) == 1 for found in by_content.values())
