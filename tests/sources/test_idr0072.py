from __future__ import annotations

from pathlib import Path

import pytest

from builder.sources.common.folder import Folder
from tests.sources.case_checks import Row, check_rows
from tests.sources.files import write_csv, write_text, write_tiff
from tests.sources.idr_case import IdrTestCase

_A = "20210420-plates/WS_MCF10A-landmark-library_20180509_Meas_02"
_B = "20191127-disk/UpLoadtoIDR/NMUMG/Plates"
_RENAMED = f"{_B}/2015-10-30 plate116/Meas_02"
_SERVER = "/uod/idr/filesets/idr0072-schormann-subcellref"


_FIRST = "wsmcf10alandmark20180509meas02_G20"
_PTDSS1 = "nucleus|ptdss1|mitochondria-associated er-membrane|er"


def _file(folder: str, row: int, column: int, screen: int = 0) -> str:
    return f"{folder}/{row:03d}{column:03d}{screen:03d}.flex"


def _exists(folder: Folder, path: str) -> bool:
    return "://" in folder.root or (Path(folder.root) / path).exists()


class TestIdr0072(IdrTestCase):
    dir_name = "idr0072"
    count = 11
    channel_orders = (
        *((protein, "nucleus") for protein in ("rab5", "calr-kdel", "pts-1", "protein", "ptdss1")),
        ("nucleus + vamp5",),
    )
    tokens = {
        "organism": {"human": 4, "mouse": 6},
        "cell_type": {"mcf 10a": 4, "nmumg": 6},
        "cell_visible": {
            **{"nucleus": 11, "rab5": 4, "early endosome": 4, "calr-kdel": 1, "vamp5": 2, "cell membrane": 2},
            **{"pts-1": 1, "peroxisome": 1, "ptdss1": 2, "mitochondria-associated er-membrane": 2, "er": 3},
        },
    }
    rows = {
        _file(_A, 7, 20, 1): {
            "organism": "human",
            "cell_type": "mcf 10a",
            "gene": None,  # tagged, not targeted
            "cell_visible": "nucleus|rab5|early endosome",
            "microscopy": "confocal",
            "channels": ("rab5", "nucleus"),
            "group": "wsmcf10alandmark20180509_G20",
            "batch": "wsmcf10alandmark20180509",
            "well": "G20",
        },
        f"{_FIRST}_f2": {"planes": (2, 3), "group": "wsmcf10alandmark20180509_G20"},
        f"{_FIRST}_f3": {"planes": (4, 5), "files": (_file(_A, 7, 20, 1),) * 2},
        _FIRST.replace("meas02", "meas05"): {"cell_visible": "nucleus|rab5|early endosome", "planes": (0, 1)},
        _file(_RENAMED, 1, 1): {"gene": None, "cell_visible": "nucleus|calr-kdel|er", "organism": "mouse"},
        _file(_RENAMED, 8, 6): {"cell_visible": "nucleus|pts-1|peroxisome"},
        "20151030plate116meas02_C03_f2": {"cell_visible": _PTDSS1},
        _file(f"{_B}/VAMP_DEG_BIN1_PL52_20140216/Meas_01", 1, 1): {"cell_visible": "nucleus", "organism": None},
        # two fields of one well, converted: one group
        f"{_B}/VAMP_DEG_20120507__Meas_01__B03__f1.tif": {"group": "vampdeg20120507_B03", "planes": (0,)},
        f"{_B}/VAMP_DEG_20120507__Meas_01__B03__f2.tif": {
            "group": "vampdeg20120507_B03",
            "cell_visible": "nucleus|vamp5|cell membrane",
        },
    }
    groups = 6
    repeated = (
        (_FIRST, f"{_FIRST}_f2", f"{_FIRST}_f3"),
        (_FIRST, _FIRST.replace("meas02", "meas05")),
    )
    batches = 4
    notes = {
        "files that do not hold two pages a field, read as one field": 1,
        "files without a row": 1,
        "rows without a file": 1,
        "plates that the original dropped, left out": 1,
    }
    unknown_files = {
        f"{_RENAMED}/overview.flex": "files without a known name",
        f"{_B}/VAMP_DEG_20120507/Meas_01/002003000.flex": "files that have converted copies, left out",
        f"copy/{_RENAMED}/001001000.flex": "second copies of a file, left out",
    }
    missing_files = {_file(_A, 7, 20, 1): "rows without a file"}
    joined = {
        _file("20210420-plates/WS_MCF10A_landmarks_20180613_Meas_01", 14, 1, 1): {
            "cell_visible": "nucleus|calr-kdel|er",
            "organism": "human",
            "cell_type": "mcf 10a",
        },
        _file("20210420-plates/WS_MCF10A_landmarks_20180615_Meas_01", 13, 7, 1): {
            "cell_visible": "nucleus|cco|inner mitochondria membrane"
        },
        _file("20210420-plates/WS_MCF10A-landmark_library_20180506_Meas_01", 7, 20, 1): {
            "cell_visible": "nucleus|rab5|early endosome",
        },
        _file("20210420-plates/WS_MCF10A-landmark-library_20180511_Meas_01", 2, 3, 1): {
            "cell_visible": "nucleus|galt|golgi"
        },
        _file("20210420-plates/WS_MCF10A-landmark-library_20180509_Meas_03", 5, 22, 1): {
            "gene": None,
            "cell_visible": "nucleus|cytb5|er",
        },
        _file("20201209-ftp/20130208_TA_VAMP1_deg", 1, 3): {
            "cell_visible": "nucleus|golgin84|golgi",
            "organism": "mouse",
            "cell_type": "nmumg",
        },
        _file("20201209-ftp/VAMP_deg_20131008", 15, 20): {"cell_visible": _PTDSS1},
        _file(f"{_B}/VAMP_DEG_BIN1_PL57_20140301/Meas_01", 9, 11): {"cell_visible": _PTDSS1},
        _file(f"{_B}/VAMP_DEG_BIN1_PL82_20140630/Meas_01", 8, 6): {"cell_visible": "nucleus|pts-1|peroxisome"},
        _file(f"{_B}/VAMP_DEG_PL68_BIN1_20140415/Meas_01", 1, 17): {"cell_visible": "nucleus|dtmd-vamp1|cytoplasm"},
        _file("20201106-plates/VAMP_DEG_20131023_Meas_01", 1, 10): {"cell_visible": _PTDSS1},
    }

    @pytest.fixture(autouse=True)
    def _invented_files_have_three_fields(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give six pages to files that do not exist.

        Some checks list such files, and the adapter reads how many pages a file has.
        """
        count = Folder.count_pages
        monkeypatch.setattr(Folder, "count_pages", lambda f, p: count(f, p) if _exists(f, p) else 6)

    def tree(self, root: Path) -> None:
        one = (2, 8, 9)
        write_tiff(root / _file(_A, 7, 20, 1), (6, 8, 9))  # three fields
        write_tiff(root / _file(_A.replace("Meas_02", "Meas_05"), 7, 20, 1), one)
        write_tiff(root / _file(_RENAMED, 1, 1), one)
        write_tiff(root / _file(_RENAMED, 8, 6), one)
        write_tiff(root / _file(_RENAMED, 3, 3), (4, 8, 9))
        write_tiff(root / _file(f"{_B}/VAMP_DEG_BIN1_PL52_20140216/Meas_01", 1, 1), (1, 8, 9))
        for name in ("VAMP_DEG_20120507__Meas_01__B03__f1", "VAMP_DEG_20120507__Meas_01__B03__f2"):
            write_tiff(root / _B / f"{name}.tif")
        write_tiff(root / _B / "WS_NMuMG_1__Meas_01__B03__f1.tif")
        header = ["Plate", "Well", "Characteristics [Organism]", "Characteristics [Cell Line]"]
        header += ["Comment [Gene Symbol]", "Comment [Protein Name Abbreviation]"]
        header += ["Experimental Condition [Subcellular Localization]", "UniProt ID"]
        early, er, plasma = "early endosome", "endoplasmic reticulum", "plasma membrane"
        both = "mitochondria-associated ER-membrane, endoplasmic reticulum"
        human, mouse = ("Homo sapiens", "MCF 10A"), ("Mus musculus", "NMuMG")
        peptide = "tripeptide SKL (Peroxisome targeting signal 1)"
        write_csv(
            root / "idr0072-screenA-annotation.csv",
            header,
            [
                ("WS_MCF10A_Landmark_20180509/Meas_02", "G20", *human, "RAB5", "Rab5", early, "P20339"),
                ("WS_MCF10A_Landmark_20180509/Meas_05", "G20", *human, "RAB5", "Rab5", early, "P20340"),
            ],
            newline="\r\n",
        )
        write_csv(
            root / "idr0072-screenB-annotation.csv",
            header,
            [
                ("20151030_Plate116/Meas_01", "A1", *mouse, "CALR", "Calr-KDEL", er, "P27797"),
                ("20151030_Plate116/Meas_01", "H6", *mouse, peptide, "PTS-1", "Peroxisome", "P27798"),
                ("20151030_Plate116/Meas_01", "C3", *mouse, "PTDSS1", "PTDSS1", both, "P27798"),
                ("VAMP_DEG_20120507/Meas_01", "B3", *mouse, "VAMP5", "VAMP5", plasma, "P27799"),
                ("VAMP_DEG_20120507/Meas_01", "B4", *mouse, "VAMP5", "VAMP5", plasma, "P27799"),  # no file
            ],
            newline="\r\n",
        )
        lines = [
            f"WS_MCF10A_Landmark_20180509/{measurement}\t{_SERVER}/{_A.replace('Meas_02', measurement)}\n"
            for measurement in ("Meas_02", "Meas_05")
        ]
        write_text(root / "idr0072-screenA-plates.tsv", "".join(lines))
        listed = {"20151030_Plate116/Meas_01": _RENAMED, "VAMP_DEG_20120507/Meas_01": "20201209-ftp/VAMP_DEG_20120507"}
        write_text(
            root / "idr0072-screenB-plates.tsv",
            "".join(f"{plate}\t{_SERVER}/{path}\n" for plate, path in listed.items()),
        )

    def test_plates_meet_by_name_without_the_lists(self, copy: Path) -> None:
        for screen in "AB":
            (copy / f"idr0072-screen{screen}-plates.tsv").unlink()
        folder = Folder.listed(str(copy))
        images = self.read(folder)
        expected: dict[str, Row] = {
            _file(_A, 7, 20, 1): {"cell_visible": "nucleus|rab5|early endosome"},
            f"{_B}/VAMP_DEG_20120507__Meas_01__B03__f1.tif": {"cell_visible": "nucleus|vamp5|cell membrane"},
            _file(_RENAMED, 1, 1): {"cell_visible": "nucleus"},  # another date, another number
        }
        check_rows(self.source, images, expected)
        assert folder.notes.counts["annotation tables not found"] == 2
        assert set(images) == set(self.read(Folder.listed(str(copy))))
