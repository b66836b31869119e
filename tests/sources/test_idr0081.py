from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_PRE = "20200324-owncloud/1-prePlates/Data_UZH"
_Z_UZH = "20200324-owncloud/2-ZPlates/Data_UZH"
_Z_EPFL = "20200324-owncloud/2-ZPlates/Data_EPFL"
_UZH = "20200324-owncloud/3-Screen/Data_UZH/Screen"
_EPFL = "20200324-owncloud/3-Screen/Data_EPFL/Screen"


def _epfl(plate: str, well: str, channel: str = "DAPI", root: str = _EPFL) -> str:
    return f"{root}/{plate}/{well}(fld 1 wv {channel} - {channel}).tif"


class TestIdr0081(IdrTestCase):
    dir_name = "idr0081"
    count = 7
    channel_orders = (("nucleus", "infection"),)
    tokens = {
        "organism": {"human": 7},
        "cell_type": {"a549": 7},
        "cell_visible": {"nucleus": 7, "infection": 7},
        "phenotype": {"infection": 7},
        "compound": {"dmso": 2, "3'-deoxy-3'-fluorothymidine": 2, "procarbazine": 2},
    }
    rows = {
        "UZH_preScreen_A02": {
            "compound": "dmso",
            "group": "preScreen_A02",
            "batch": "preScreen",
            "well": "A02",
            "control": "negative",
            "files": (f"{_PRE}/preScreen/HAdV-pre_A02_w1.TIF", f"{_PRE}/preScreen/HAdV-pre_A02_w2.TIF"),
            "microscopy": "fluorescence",
        },
        "UZH_Za-BSF018104_A19": {"compound": "3'-deoxy-3'-fluorothymidine", "control": "positive"},
        "UZH_BSF018292-1A_A10": {"compound": "procarbazine", "control": None},
        # the same plate and well at the other site: another image of one specimen
        "EPFL_BSF018292-1A_A10_1": {
            "compound": "procarbazine",
            "group": "BSF018292-1A_A10",
            "batch": "BSF018292-1A",
            "files": (_epfl("BSF018292_1A", "A - 10"), _epfl("BSF018292_1A", "A - 10", "FITC")),
        },
        "EPFL_Za-BSF018104_A01_1": {"compound": "dmso"},
        "UZH_preZ_P24": {"compound": None, "phenotype": "infection"},  # no row
    }
    groups = 5
    repeated = (
        ("UZH_BSF018292-1A_A10", "EPFL_BSF018292-1A_A10_1"),
        ("UZH_Za-BSF018104_A19", "EPFL_Za-BSF018104_A19_1"),
    )
    batches = 4
    notes = {
        "files without a row": 2,
        "rows without a file": 1 + 1,
        "files of wells that their source excludes, left out": 2,
    }
    unknown_files = {
        f"{_UZH}/BSF018292-1A/BSF018292-1A_A10_w3.TIF": "files without a known name",
        f"{_UZH}/overview.tif": "files in no known plate folder",
    }
    missing_files = {f"{_UZH}/BSF018292-1A/BSF018292-1A_A10_w2.TIF": "images with channels missing"}
    joined = {
        f"{_PRE}/preZ/HAdV-preZ_A01_w1.TIF": {"compound": "dmso"},
        f"{_PRE}/preZ/HAdV-preZ_P06_w1.TIF": {"compound": "dmso"},
        f"{_PRE}/preScreen/HAdV-pre_C04_w1.TIF": {"compound": "dmso"},
        f"{_Z_UZH}/Zb_BSF018105/Zb_BSF018105_A19_w1.TIF": {"compound": "3'-deoxy-3'-fluorothymidine"},
        _epfl("Zb_BSF018105", "A - 19", root=_Z_EPFL): {"compound": "3'-deoxy-3'-fluorothymidine"},
        _epfl("Za_BSF018104", "A - 01", root=_Z_EPFL): {"compound": "dmso"},
        f"{_UZH}/BSF018292-1A/BSF018292-1A_A10_w1.TIF": {"compound": "procarbazine"},
        f"{_UZH}/BSF018299-2D/BSF018299-2D_A14_w1.TIF": {"compound": "amiprilose hydrochloride"},
        f"{_UZH}/BSF018302-3C/BSF018302-3C_L21_w1.TIF": {"compound": "demecarium"},
        _epfl("BSF018306_4C", "E - 16"): {"compound": "propylthiouracil", "group": "BSF018306-4C_E16"},
        _epfl("BSF018295_1D", "H - 02"): {"compound": "dmso"},
    }

    def tree(self, root: Path) -> None:
        for number, channel in ((1, "DAPI"), (2, "FITC")):
            write_tiff(root / f"{_PRE}/preScreen/HAdV-pre_A02_w{number}.TIF")
            write_tiff(root / f"{_PRE}/preZ/HAdV-preZ_P24_w{number}.TIF")
            write_tiff(root / f"{_Z_UZH}/Za_BSF018104/Za_BSF018104_A19_w{number}.TIF")
            write_tiff(root / f"{_UZH}/BSF018292-1A/BSF018292-1A_A10_w{number}.TIF")
            write_tiff(root / _epfl("BSF018292_1A", "A - 10", channel))
            write_tiff(root / _epfl("Za_BSF018104", "A - 01", channel, _Z_EPFL))
            write_tiff(root / _epfl("Za_BSF018104", "A - 19", channel, _Z_EPFL))
            write_tiff(root / f"{_UZH}/BSF018292-1A/BSF018292-1A_A11_w{number}.TIF")  # toxic
        header = ["Plate", "Well", "Characteristics [Organism 1]", "Compound Name", "Control Type", "Quality Control"]
        drug, solvent = "3'-Deoxy-3'-Fluorothymidine", "Dimethyl sulfoxide"
        tables = {
            "A": [("preScreen", "A2", solvent, "negative control", "pass")],
            "B": [("Za_BSF018104", "A19", drug, "positive control", "")],
            "C": [
                ("Za_BSF018104", "A1", solvent, "negative control", "pass"),
                ("Za_BSF018104", "A19", drug, "positive control", ""),
            ],
            "D": [
                ("BSF018292-1A", "A10", "Procarbazine hydrochloride", "", "pass"),
                ("BSF018292-1A", "A11", "Doxorubicin hydrochloride", "", "fail"),
                ("BSF018292-1A", "B12", "", "", "pass"),  # no file
                ("BSF018299-2D", "A14", "Amiprilose hydrochloride", "", "pass"),  # no file of the plate
            ],
            "E": [("BSF018292-1A", "A10", "Procarbazine hydrochloride", "", "pass")],
        }
        for screen, wells in tables.items():
            rows = [(plate, well, "Homo sapiens", *rest) for plate, well, *rest in wells]
            write_csv(root / f"idr0081-screen{screen}-annotation.csv", header, rows, newline="\r\n")
