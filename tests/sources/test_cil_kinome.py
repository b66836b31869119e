from __future__ import annotations

import csv
from pathlib import Path

import pytest

from builder.sources import get_source
from builder.sources.common.folder import Folder, LayoutError
from tests.sources.case import SourceTestCase
from tests.sources.files import write_bytes, write_csv, write_tiff
from tests.sources.named import rows_of

FAMILIES = (("53366.zip", "CAMK"), ("53464.zip", "AGC"), ("54562.zip", "CAMK"))


class TestKinome(SourceTestCase):
    dir_name = "cil_kinome"
    count = 3
    channel_orders = (("kinase",),)
    tokens = {"organism": {"human": 3}, "cell_type": {"hela": 3}, "cell_visible": {"kinase": 3}}
    rows = {
        "53366": {"files": ("53366.tif",), "microscopy": "confocal", "cell_visible": "kinase"},
        "53464": {"files": ("53464/53464.tif",), "cell_type": "hela", "group": "agc"},
        "54562": {"organism": "human", "phenotype": None, "gene": None},
    }
    groups = 2
    repeated = (("53366", "54562"),)
    batches = 0
    unknown_files = {"53365.tif": "files without a known name", "montage.tif": "files without a known name"}
    missing_files = {"53366.tif": None}

    def tree(self, root: Path) -> None:
        for path in ("53366.tif", "53464/53464.tif", "54562.tif"):
            write_tiff(root / path, (16, 16, 3), "uint8")
        write_csv(root / "cil_kinome_mapping.csv", ["file_name", "kinase"], FAMILIES)


@pytest.mark.parametrize("named", [0, 2])
def test_without_its_family_an_image_may_be_of_any(tmp_path: Path, named: int) -> None:
    for name, _ in FAMILIES:
        write_tiff(tmp_path / f"{name[:-4]}.tif")
    if named:
        write_csv(tmp_path / "cil_kinome_mapping.csv", ["file_name", "kinase"], FAMILIES[:named])
    folder = Folder.listed(str(tmp_path))
    assert {image.group for image in get_source("cil_kinome").images(folder)} == {"all"}
    assert sum(folder.notes.counts.values()) == (1 if named else 0)


def test_archives_still_packed(tmp_path: Path) -> None:
    write_bytes(tmp_path / "53464.zip", b"PK")
    folder = Folder.listed(str(tmp_path))
    assert list(get_source("cil_kinome").images(folder)) == []
    assert folder.notes.examples == {"archives that may still need unpacking": ["53464.zip"]}


def test_other_images(tmp_path: Path) -> None:
    write_tiff(tmp_path / "12.tif")
    with pytest.raises(LayoutError, match=r"53366 to 54562.*12\.tif"):
        list(get_source("cil_kinome").images(Folder.listed(str(tmp_path))))


@pytest.mark.real
def test_real_file_names(real_data: Path) -> None:
    """Each name in the original's list is one image.

    There are 300.
    """
    with (real_data / "cil_kinome" / "cil_kinome_metadata.csv").open(newline="") as file:
        names = [row["filename"] for row in csv.DictReader(file)]
    rows = rows_of(real_data / "cil_kinome", "cil_kinome", names)
    assert sorted(rows) == sorted(name.removesuffix(".tif") for name in names)
    assert len(rows) == 300
    assert {(row["organism"], row["cell_type"], row["cell_visible"]) for row in rows.values()} == {
        ("human", "hela", "kinase")
    }
