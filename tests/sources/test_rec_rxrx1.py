from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder, LayoutError
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image
from tests.sources.named import rows_of
from tests.sources.sites import SIX, write_site

_HEADER = "site_id,well_id,cell_type,dataset,experiment,plate,well,site,well_type,sirna,sirna_id"
_SITES = "rxrx1/images/{}_w{}.png"


def _row(
    cells: str, number: str, plate: int, well: str, site: int, sirna: str, kind: str = "treatment"
) -> list[object]:
    well_id = f"{cells}-{number}_{plate}_{well}"
    return [f"{well_id}_{site}", well_id, cells, "train", f"{cells}-{number}", plate, well, site, kind, sirna, 7]


class TestRxrx1(SourceTestCase):
    dir_name = "rec_rxrx1"
    count = 6
    channel_orders = (SIX,)
    tokens = {
        "organism": {"human": 6},
        "cell_type": {"hepg2": 4, "u2os": 2},
        "cell_visible": {"nucleus": 6, "er": 5, "actin": 6, "nucleoli": 6, "mitochondria": 5, "golgi": 5},
        "sirna": {"s21721": 2, "n337250": 2},
    }
    rows = {
        "HEPG2-8_1_B02_1": {"sirna": None, "cell_type": "hepg2", "control": "negative", "well": "B02"},
        "HEPG2-8_1_B02_2": {
            "cell_visible": "nucleus|actin|nucleoli",
            "channels": ("nucleus", "actin", "nucleoli"),
            "group": "HEPG2-8_1_B02",
        },
        "HEPG2-8_1_B03_1": {"sirna": "s21721", "control": None, "batch": "HEPG2-8"},
        "U2OS-3_4_O23_2": {
            "sirna": "n337250",
            "control": "positive",
            "cell_type": "u2os",
            "files": tuple(_SITES.format("U2OS-03/Plate4/O23_s2", channel) for channel in "123456"),
        },
    }
    groups = 3
    repeated = (("HEPG2-8_1_B02_1", "HEPG2-8_1_B02_2"), ("U2OS-3_4_O23_1", "U2OS-3_4_O23_2"))
    batches = 2
    notes = {"images with channels missing": 1, "rows without a file": 2, "malformed rows": 2}
    unknown_files = {
        "rxrx1/images/HEPG2-08/Plate1/C09_s1_w1.png": "files without a row",
        "rxrx1/images/HEPG2-08/Plate1/B02_s1_w7.png": "files of an unknown channel",
        "rxrx1/images/HEPG2-08/Plate1/B02_s1.png": "files without a known name",
        "unpacked twice/HEPG2-08/Plate1/B02_s1_w1.png": "files of a site found before, in another folder",
    }
    missing_files = {_SITES.format("HEPG2-08/Plate1/B03_s1", 4): "images with channels missing"}
    real_count = 18
    real_rows = {
        "HEPG2-8_1_B02_1": {"sirna": None, "cell_type": "hepg2", "channels": SIX},
        "U2OS-1_2_B02_2": {"cell_type": "u2os", "channels": SIX[:4], "organism": "human"},
    }

    def tree(self, root: Path) -> None:
        images = root / "rxrx1" / "images"
        for site in ("HEPG2-08/Plate1/B02_s1", "HEPG2-08/Plate1/B03_s1", "HEPG2-08/Plate1/B03_s2"):
            write_site(images, site)
        write_site(images, "HEPG2-08/Plate1/B02_s2", "134")
        write_site(images, "U2OS-03/Plate4/O23_s1")
        write_site(images, "U2OS-03/Plate4/O23_s2")
        rows = [_row("HEPG2", "08", 1, "B02", site, "EMPTY", "negative_control") for site in (1, 2)]
        rows += [_row("HEPG2", "08", 1, "B03", site, "s21721") for site in (1, 2)]
        rows += [_row("U2OS", "03", 4, "O23", site, "n337250", "positive_control") for site in (1, 2)]
        rows += [_row("RPE", "01", 2, "C05", site, "s1998") for site in (1, 2)]
        rows += [["torn row"], ["x", "x", "RPE", "train", "RPE-01", "two", "C05", 1, "treatment", "s1998", 1]]
        write_csv(root / "rxrx1" / "metadata.csv", _HEADER.split(","), rows)


def _kaggle(root: Path, sirnas: tuple[object, object, object]) -> Folder:
    """Write the layout of the Kaggle competition.

    Train and test folders, one row per well, siRNAs as numbers or made-up names.
    """
    write_site(root / "images" / "train", "HEPG2-01/Plate1/B03_s1")
    write_site(root / "images" / "train", "HEPG2-01/Plate1/B03_s2")
    write_site(root / "images" / "train", "HEPG2-01/Plate1/B02_s1")
    write_site(root / "images" / "test", "RPE-11/Plate3/C04_s1")
    write_site(root / "images" / "test", "RPE-11/Plate3/C05_s1")
    header = ["id_code", "experiment", "plate", "well", "sirna"]
    write_csv(root / "train.csv", header, [["HEPG2-01_1_B03", "HEPG2-01", 1, "B03", sirnas[0]]])
    controls = ["HEPG2-01_1_B02", "HEPG2-01", 1, "B02", sirnas[1], "negative_control"]
    more = ["HEPG2-01_1_C03", "HEPG2-01", 1, "C03", sirnas[2], "positive_control"]
    write_csv(root / "train_controls.csv", [*header, "well_type"], [controls, more])
    write_csv(root / "test.csv", header[:4], [["RPE-11_3_C04", "RPE-11", 3, "C04"]])
    return Folder.listed(str(root))


@pytest.mark.parametrize("sirnas", [(513, 1138, 1109), ("sirna_250", "UNTREATED", "sirna_852")])
def test_kaggle_copies_name_no_sirna(tmp_path: Path, sirnas: tuple[object, object, object]) -> None:
    folder = _kaggle(tmp_path, sirnas)
    images = {image.key: image for image in get_source("rec_rxrx1").images(folder)}
    assert set(images) == {"HEPG2-1_1_B03_1", "HEPG2-1_1_B03_2", "HEPG2-1_1_B02_1", "RPE-11_3_C04_1"}
    assert {image.sirna for image in images.values()} == {None}
    assert {key for key, image in images.items() if image.control} == {"HEPG2-1_1_B02_1"}
    assert Counter(image.cell_type for image in images.values()) == {"HEPG2": 3, "RPE": 1}
    assert folder.notes.counts == {
        "tables that do not name the siRNA, left blank": 3,
        "files without a row": 6,
        "rows without a file": 1,
    }


def test_public_table_goes_before_the_kaggle_ones(tmp_path: Path) -> None:
    """Beside the public table, the competition's tables change nothing.

    Same keys, siRNAs by name.
    """
    _kaggle(tmp_path, (513, 1138, 1109))
    rows = [_row("HEPG2", "01", 1, "B03", site, "s21721") for site in (1, 2)]
    write_csv(tmp_path / "rxrx1" / "metadata.csv", _HEADER.split(","), rows)
    images = list(get_source("rec_rxrx1").images(Folder.listed(str(tmp_path))))
    assert [(image.key, image.sirna) for image in images] == [
        ("HEPG2-1_1_B03_1", "s21721"),
        ("HEPG2-1_1_B03_2", "s21721"),
    ]


def test_padding_of_experiments_does_not_matter(tmp_path: Path) -> None:
    """The readme writes HUVEC-1 for a folder called HUVEC-01."""
    write_site(tmp_path, "HUVEC-1/Plate1/B02_s1")
    write_csv(tmp_path / "metadata.csv", _HEADER.split(","), [_row("HUVEC", "01", 1, "B02", 1, "s1998")])
    (image,) = get_source("rec_rxrx1").images(Folder.listed(str(tmp_path)))
    assert (image.key, image.sirna) == ("HUVEC-1_1_B02_1", "s1998")


def test_contradicting_rows(tmp_path: Path) -> None:
    write_site(tmp_path, "HUVEC-01/Plate1/B02_s1")
    rows = [_row("HUVEC", "01", 1, "B02", 1, "s1998"), _row("HUVEC", "01", 1, "B02", 1, "s3887")]
    write_csv(tmp_path / "metadata.csv", _HEADER.split(","), rows)
    folder = Folder.listed(str(tmp_path))
    (image,) = get_source("rec_rxrx1").images(folder)
    assert image.sirna == "s1998"
    assert folder.notes.counts == {"rows that contradict an earlier one": 1}


def test_merged_copies_are_not_taken(tmp_path: Path) -> None:
    """One copy of the data holds merged images.

    One per site, without a channel in the name.
    """
    write_image(tmp_path / "images/HUVEC-01/Plate1/B02_s1.png", (8, 9, 3))
    write_csv(tmp_path / "metadata.csv", _HEADER.split(","), [_row("HUVEC", "01", 1, "B02", 1, "s1998")])
    with pytest.raises(LayoutError, match=r"_w<channel>\.png; found 2 files, such as images/HUVEC-01/Plate1"):
        list(get_source("rec_rxrx1").images(Folder.listed(str(tmp_path))))


def test_no_table(tmp_path: Path) -> None:
    write_image(tmp_path / "HUVEC-01/Plate1/B02_s1_w1.png")
    with pytest.raises(LayoutError, match=r"metadata\.csv.*train_controls\.csv.*found 1 files: HUVEC-01"):
        list(get_source("rec_rxrx1").images(Folder.listed(str(tmp_path))))


@pytest.mark.real
def test_real_table(real_data: Path) -> None:
    """Real rows whose images are not at hand."""
    sites = {"HEPG2-08/Plate1/B03_s1": "s21721", "HEPG2-08/Plate1/B04_s1": "s20894", "U2OS-03/Plate4/O23_s2": "s21454"}
    files = [f"rxrx1/images/{site}_w{channel}.png" for site in sites for channel in range(1, 7)]
    rows = rows_of(real_data / "rec_rxrx1", "rec_rxrx1", files)
    keys = ("HEPG2-8_1_B03_1", "HEPG2-8_1_B04_1", "U2OS-3_4_O23_2")
    assert {key: rows[key]["sirna"] for key in keys} == dict(zip(keys, sites.values(), strict=True))
