from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources.base import MAX_PROJECTION
from builder.sources.common.folder import Folder
from tests.sources.case_checks import check_rows
from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_KIF11 = "mitotic_cell_atlas/140411_KIF11_MitoSys1"
_GFP = "mitotic_cell_atlas/150101_gfpNES_MitoSys2"
_FTP = "20180713-ftp"
_LOST = "masks, concentration maps and calibrations, left out"
_MAD2L1 = "170428_MAD2L1gfpcM11-B11_MitoSys1"
_OF_KIF11 = {"gene": None, "cell_visible": "nucleus|kif11"}
_OF_MAD2L1 = {"gene": None, "cell_visible": "nucleus|mad2l1"}


class TestIdr0041(IdrTestCase):
    dir_name = "idr0041"
    count = 5
    channel_orders = (("nucleus + kif11",), ("nucleus + cytoplasm",), ("nucleus + protein",))
    tokens = {
        "organism": {"human": 5},
        "cell_type": {"hela": 5},
        "cell_visible": {"nucleus": 5, "kif11": 3, "cytoplasm": 1, "protein": 1},
    }
    rows = {
        "140411_KIF11_MitoSys1/cell0003_R0028_T0001": {
            "gene": None,  # tagged, not targeted
            "cell_visible": "nucleus|kif11",
            "planes": (MAX_PROJECTION,),
            "timepoint": "T0001",
            "batch": "140411_KIF11_MitoSys1",
            "pixel_size_um": 0.25,
            "single_object": True,
            "z": None,
            "microscopy": "confocal",
            "group": "140411_KIF11_MitoSys1/cell0003_R0028",
            "files": (f"{_KIF11}/cell0003_R0028/rawtif/TR1_W0001_P0007_T0001.tif",),
        },
        # the corrected copy counts; both are there
        "140411_KIF11_MitoSys1/cell0003_R0028_T0002": {
            "cell_visible": "nucleus|kif11",
            "group": "140411_KIF11_MitoSys1/cell0003_R0028",
            "files": (f"{_FTP}/140411_KIF11_MitoSys1_raw/cell0003_R0028_T0002.tif",),
        },
        "140411_KIF11_MitoSys1/cell0004_R0001_T0009": {
            "cell_visible": "nucleus|kif11"
        },  # no row; the assay has one protein
        "150101_gfpNES_MitoSys2/cell0001_R0001_T0001": {"gene": None, "cell_visible": "nucleus|cytoplasm"},
        "160101_MIS12_MitoSys1/cell0001_R0001_T0001": {"gene": None, "cell_visible": "nucleus|protein"},
    }
    groups = 4
    repeated = (("140411_KIF11_MitoSys1/cell0003_R0028_T0001", "140411_KIF11_MitoSys1/cell0003_R0028_T0002"),)
    batches = 3
    single_objects = 5
    notes = {
        _LOST: 4,
        "files that have a corrected copy, left out": 1,
        "files without a row": 2,
        "rows without a file": 1,
    }
    unknown_files = {
        f"{_KIF11}/cell0003_R0028/TR1_W0001_P0007_T0001.tif": "files without a known name",
        f"{_KIF11}/cell0003_R0028/conctif/TR1_W0001_P0007_T0002.tif": _LOST,
        f"older/{_KIF11}/cell0004_R0001/rawtif/TR1_W0001_P0001_T0009.tif": "second copies of a file, left out",
    }
    missing_files = {f"{_KIF11}/cell0003_R0028/rawtif/TR1_W0001_P0007_T0001.tif": "rows without a file"}

    # two real tables, of different versions: the first found, by name, is that of 2018-03-16
    joined = {
        f"{_KIF11}/cell0003_R0028/rawtif/TR1_W0001_P0007_T0001.tif": _OF_KIF11,
        f"{_KIF11}/cell0003_R0028/rawtif/TR1_W0001_P0007_T0002.tif": _OF_KIF11,
        f"{_KIF11}/cell0008_R0007/rawtif/TR1_W0001_P0002_T0034.tif": _OF_KIF11,
        f"{_KIF11}/cell0011_R0017/rawtif/TR1_W0001_P0006_T0002.tif": _OF_KIF11,
        f"{_KIF11[:-1]}2/cell0006_R0014/rawtif/TR1_W0001_P0004_T0013.tif": {
            "group": "140411_KIF11_MitoSys2/cell0006_R0014",
            **_OF_KIF11,
        },
    }

    def tree(self, root: Path) -> None:
        stack = (6, 8, 9)
        for time in (1, 2):
            write_tiff(root / f"{_KIF11}/cell0003_R0028/rawtif/TR1_W0001_P0007_T{time:04d}.tif", stack)
        write_tiff(root / f"{_KIF11}/cell0003_R0028/masktif/TR1_W0001_P0007_T0001.tif", stack)
        write_tiff(root / f"{_KIF11}/cell0003_R0028/conctif/TR1_W0001_P0007_T0001.tif", stack)
        write_tiff(root / f"{_KIF11}/Calibration/fcs.tif")
        write_tiff(root / f"{_KIF11}/cell0004_R0001/rawtif/TR1_W0001_P0001_T0009.tif", stack)
        write_tiff(root / f"{_FTP}/140411_KIF11_MitoSys1_raw/cell0003_R0028_T0002.tif", stack)
        write_tiff(root / f"{_FTP}/140411_KIF11_MitoSys1_mask/cell0003_R0028_T0002.tif", stack)
        write_tiff(root / f"{_GFP}/cell0001_R0001/rawtif/TR1_W0001_P0001_T0001.tif", stack)
        write_tiff(
            root / "mitotic_cell_atlas/160101_MIS12_MitoSys1/cell0001_R0001/rawtif/TR1_W0001_P0001_T0001.tif", stack
        )
        nes = "GFP with nuclear export signal"
        write_csv(
            root / "idr0041-experimentA-annotation.csv",
            ["Dataset Name", "Image Name", "Comment [Gene Symbol]", "Comment [Image File Type]"],
            [
                ("140411_KIF11_MitoSys1_raw", "cell0003_R0028_T0001", "KIF11", "original images"),
                ("140411_KIF11_MitoSys1_raw", "cell0003_R0028_T0002", "KIF11", "original images"),
                ("140411_KIF11_MitoSys1_raw", "cell0003_R0028_T0003", "KIF11", "original images"),  # no file
                ("140411_KIF11_MitoSys1_mask", "cell0003_R0028_T0001", "KIF11", "segmentation masks"),
                ("150101_gfpNES_MitoSys2_raw", "cell0001_R0001_T0001", nes, "original images"),
            ],
        )

    def test_data_sets_without_their_kind_in_the_name(self, copy: Path) -> None:
        """Another version of the table: ``140411_KIF11_MitoSys1``, not ``…_raw``."""
        table = copy / "idr0041-experimentA-annotation.csv"
        before = self.read(Folder.listed(str(copy)))
        table.write_text(table.read_text().replace("_raw,", ","))
        folder = Folder.listed(str(copy))
        assert self.read(folder) == before
        assert folder.notes.counts == self.notes

    @pytest.mark.real
    def test_real_table_of_the_second_version(self, real_data: Path, tmp_path: Path) -> None:
        name = "idr0041-experimentA-annotation.csv"
        (tmp_path / name).write_bytes((real_data / "idr0041/2018-03-23" / name).read_bytes())
        folder = f"{_FTP}/{_MAD2L1}_raw"
        files = [f"cell0001_R0041_T{time:04d}" for time in (1, 2, 3, 4)] + ["cell0018_R0019_T0024"]
        for file in (*files, "cell0018_R0019_T0037"):
            write_tiff(tmp_path / folder / f"{file}.tif")
        listed = Folder.listed(str(tmp_path))
        images = self.read(listed)
        check_rows(self.source, images, {f"{folder}/{file}.tif": _OF_MAD2L1 for file in files})
        assert "files without a row" not in listed.notes.counts
