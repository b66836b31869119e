from __future__ import annotations

from pathlib import Path

from builder.sources.common.folder import Folder
from tests.sources.case import Row, check_rows
from tests.sources.files import write_csv, write_text, write_tiff
from tests.sources.idr_case import IdrTestCase

_A = "20210420-plates/WS_MCF10A-landmark-library_20180509_Meas_02"
_B = "20191127-disk/UpLoadtoIDR/NMUMG/Plates"
_RENAMED = f"{_B}/2015-10-30 plate116/Meas_02"
_SERVER = "/uod/idr/filesets/idr0072-schormann-subcellref"


def _file(folder: str, row: int, column: int, screen: int = 0) -> str:
    return f"{folder}/{row:03d}{column:03d}{screen:03d}.flex"


class TestIdr0072(IdrTestCase):
    dir_name = "idr0072"
    count = 6
    channel_orders = (
        *((protein, "nucleus") for protein in ("rab5", "calr-kdel", "pts-1", "protein")),
        ("nucleus + vamp5",),
    )
    tokens = {
        "organism": {"human": 1, "mouse": 4},
        "cell_type": {"mcf 10a": 1, "nmumg": 4},
        "cell_visible": {"nucleus": 6, "rab5": 1, "calr-kdel": 1, "vamp5": 2, "pts-1": 1},
        "gene": {"rab5 targeted": 1, "calr targeted": 1, "vamp5 targeted": 2},
    }
    rows = {
        _file(_A, 7, 20, 1): {
            "organism": "human",
            "cell_type": "mcf 10a",
            "gene": "rab5 targeted",
            "cell_visible": "nucleus|rab5",
            "microscopy": "confocal",
            "channels": ("rab5", "nucleus"),
            "planes": (0, 1),
        },
        _file(_RENAMED, 1, 1): {"gene": "calr targeted", "cell_visible": "nucleus|calr-kdel", "organism": "mouse"},
        _file(_RENAMED, 8, 6): {"gene": None, "cell_visible": "nucleus|pts-1"},
        _file(f"{_B}/VAMP_DEG_BIN1_PL52_20140216/Meas_01", 1, 1): {"cell_visible": "nucleus", "organism": None},
        # two fields of one well, converted: one group
        f"{_B}/VAMP_DEG_20120507__Meas_01__B03__f1.tif": {"group": "vampdeg20120507meas01_B03", "planes": (0,)},
        f"{_B}/VAMP_DEG_20120507__Meas_01__B03__f2.tif": {
            "group": "vampdeg20120507meas01_B03",
            "gene": "vamp5 targeted",
            "cell_visible": "nucleus|vamp5",
        },
    }
    notes = {
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
            "gene": "calr targeted",
            "cell_visible": "nucleus|calr-kdel",
            "organism": "human",
            "cell_type": "mcf 10a",
        },
        _file("20210420-plates/WS_MCF10A_landmarks_20180615_Meas_01", 13, 7, 1): {"cell_visible": "nucleus|cco"},
        _file("20210420-plates/WS_MCF10A-landmark_library_20180506_Meas_01", 7, 20, 1): {
            "gene": "rab5 targeted",
            "cell_visible": "nucleus|rab5",
        },
        _file("20210420-plates/WS_MCF10A-landmark-library_20180511_Meas_01", 2, 3, 1): {"gene": "b4galt1 targeted"},
        _file("20210420-plates/WS_MCF10A-landmark-library_20180509_Meas_03", 5, 22, 1): {
            "gene": "cyb5a targeted",
            "cell_visible": "nucleus|cytb5",
        },
        _file("20201209-ftp/20130208_TA_VAMP1_deg", 1, 3): {
            "gene": "golga5 targeted",
            "cell_visible": "nucleus|golgin84",
            "organism": "mouse",
            "cell_type": "nmumg",
        },
        _file("20201209-ftp/VAMP_deg_20131008", 15, 20): {"gene": "ptdss1 targeted"},
        _file(f"{_B}/VAMP_DEG_BIN1_PL57_20140301/Meas_01", 9, 11): {"gene": "ptdss1 targeted"},
        _file(f"{_B}/VAMP_DEG_BIN1_PL82_20140630/Meas_01", 8, 6): {"gene": None, "cell_visible": "nucleus|pts-1"},
        _file(f"{_B}/VAMP_DEG_PL68_BIN1_20140415/Meas_01", 1, 17): {
            "gene": "vamp1 targeted",
            "cell_visible": "nucleus|dtmd-vamp1",
        },
        _file("20201106-plates/VAMP_DEG_20131023_Meas_01", 1, 10): {"gene": "ptdss1 targeted"},
    }

    def tree(self, root: Path) -> None:
        stack = (4, 8, 9)
        write_tiff(root / _file(_A, 7, 20, 1), stack)
        write_tiff(root / _file(_RENAMED, 1, 1), stack)
        write_tiff(root / _file(_RENAMED, 8, 6), stack)
        write_tiff(root / _file(f"{_B}/VAMP_DEG_BIN1_PL52_20140216/Meas_01", 1, 1), stack)
        for name in ("VAMP_DEG_20120507__Meas_01__B03__f1", "VAMP_DEG_20120507__Meas_01__B03__f2"):
            write_tiff(root / _B / f"{name}.tif")
        write_tiff(root / _B / "WS_NMuMG_1__Meas_01__B03__f1.tif")
        header = ["Plate", "Well", "Characteristics [Organism]", "Characteristics [Cell Line]"]
        header += ["Comment [Gene Symbol]", "Comment [Protein Name Abbreviation]", "UniProt ID"]
        human, mouse = ("Homo sapiens", "MCF 10A"), ("Mus musculus", "NMuMG")
        peptide = "tripeptide SKL (Peroxisome targeting signal 1)"
        write_csv(
            root / "idr0072-screenA-annotation.csv",
            header,
            [("WS_MCF10A_Landmark_20180509/Meas_02", "G20", *human, "RAB5", "Rab5", "P20339")],
            newline="\r\n",
        )
        write_csv(
            root / "idr0072-screenB-annotation.csv",
            header,
            [
                ("20151030_Plate116/Meas_01", "A1", *mouse, "CALR", "Calr-KDEL", "P27797"),
                ("20151030_Plate116/Meas_01", "H6", *mouse, peptide, "PTS-1", "P27798"),
                ("VAMP_DEG_20120507/Meas_01", "B3", *mouse, "VAMP5", "VAMP5", "P27799"),
                ("VAMP_DEG_20120507/Meas_01", "B4", *mouse, "VAMP5", "VAMP5", "P27799"),  # no file
            ],
            newline="\r\n",
        )
        plate = "WS_MCF10A_Landmark_20180509/Meas_02"
        write_text(root / "idr0072-screenA-plates.tsv", f"{plate}\t{_SERVER}/{_A}\n")
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
            _file(_A, 7, 20, 1): {"gene": "rab5 targeted"},
            f"{_B}/VAMP_DEG_20120507__Meas_01__B03__f1.tif": {"gene": "vamp5 targeted"},
            _file(_RENAMED, 1, 1): {"gene": None, "cell_visible": "nucleus"},  # another date, another number
        }
        check_rows(self.source, images, expected)
        assert folder.notes.counts["annotation tables not found"] == 2
        assert set(images) == set(self.read(Folder.listed(str(copy))))
