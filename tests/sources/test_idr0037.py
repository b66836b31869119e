from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_FIRST = "20140424_HipSci + BJ 3000c_well_OC__2014-04-24T17_01_22-Measurement1"
_WELL = "20140424_HipSci + BJ 3000c_well_OC"
_AGAIN = _FIRST.replace("Measurement1", "Measurement2")
_SECOND = "2015-02-19 HipSci Exp 23__2015-02-19T15_00_00-Measurement1"


def _file(plate: str, row: int, column: int, channel: int = 1, field: int = 1) -> str:
    return f"images/{plate}/Images/r{row:02d}c{column:02d}f{field:02d}p01-ch{channel}sk1fk1fl1.tiff"


class TestIdr0037(IdrTestCase):
    dir_name = "idr0037"
    count = 9
    channel_orders = (("nucleus", "nucleus", "cell membrane"), ("brightfield",))
    tokens = {
        "organism": {"human": 9},
        "cell_type": {"a1atd-ipsc patient 1": 4, "hpsi0813i-ffdm_3": 2, "induced pluripotent stem cell": 2},
        "cell_visible": {"nucleus": 5, "cell membrane": 5, "cell body": 4},
        "compound": {"fibronectin": 4},
    }
    rows = {
        "20140424_HipSci + BJ 3000c_well_OC Measurement1_A02_f01": {
            "cell_type": "a1atd-ipsc patient 1",  # a control line: no cell type in the table
            "compound": "fibronectin",
            "cell_visible": "nucleus|cell membrane",
            "microscopy": "fluorescence",
            "group": "20140424_HipSci + BJ 3000c_well_OC_A02",
            "batch": "20140424_HipSci + BJ 3000c_well_OC",
            "well": "A02",
            "files": tuple(_file(_FIRST, 1, 2, channel) for channel in (1, 2, 3)),
        },
        "20140424_HipSci + BJ 3000c_well_OC Measurement1_A02_f01_brightfield": {
            "cell_type": "a1atd-ipsc patient 1",
            "cell_visible": "cell body",
            "microscopy": "brightfield",
            "files": (_file(_FIRST, 1, 2, 4),),
        },
        "2015-02-19 HipSci Exp 23 Measurement1_E07_f09": {
            "cell_type": "hpsi0813i-ffdm_3|induced pluripotent stem cell",
            "compound": None,
        },
        "2015-02-19 HipSci Exp 23 Measurement1_E08_f01": {"cell_type": None, "organism": "human"},  # no row
    }
    groups = 4
    repeated = (
        (f"{_WELL} Measurement1_A01_f01", f"{_WELL} Measurement1_A01_f01_brightfield"),
        (f"{_WELL} Measurement1_A01_f01", f"{_WELL} Measurement2_A01_f02"),
    )
    batches = 2
    notes = {"files without a row": 4 + 3, "rows without a file": 1 + 1}
    unknown_files = {
        f"images/{_FIRST}/Images/r01c02f01p01-ch5sk1fk1fl1.tiff": "files without a known name",
        "images/r01c02f01p01-ch1sk1fk1fl1.tiff": "files in no known plate folder",
    }
    missing_files = {
        _file(_FIRST, 1, 1, 3): "images with channels missing",
        _file(_FIRST, 1, 1, 4): None,
    }
    joined = {
        _file(_FIRST, 1, 1): {"cell_type": "a1atd-ipsc patient 1", "compound": "fibronectin"},
        _file(_FIRST, 1, 2): {"cell_type": "a1atd-ipsc patient 1", "compound": "fibronectin"},
        _file(_FIRST, 2, 11): {"cell_type": "spc clone 2", "compound": None},
        _file(_SECOND, 5, 7): {"cell_type": "hpsi1013i-aetc_1|induced pluripotent stem cell"},
        _file("2015-06-19 HipSci Exp14_plate1__t-Measurement1", 1, 2): {
            "cell_type": "hpsi0513i-uoxz_5|induced pluripotent stem cell"
        },
        _file("2014-11-11 HipSci Exp 18__t-Measurement1", 1, 1): {"cell_type": "a1atd-ipsc patient 1"},
        _file("2015-03-17 HipSci 28__t-Measurement1", 4, 3): {
            "cell_type": "hpsi0413i-ougl_1|induced pluripotent stem cell"
        },
        _file("2015-06-16 HipSci Exp38__t-Measurement1", 3, 3): {
            "cell_type": "hpsi0513i-iasn_3|induced pluripotent stem cell"
        },
        _file("2016-03-03 HipSci Exp51__t-Measurement1", 2, 2): {
            "cell_type": "hpsi0713i-darw_3|induced pluripotent stem cell"
        },
        _file("2016-06-03 HipSci Exp61__t-Measurement1", 3, 3): {"cell_type": "ctr", "compound": "fibronectin"},
    }

    def tree(self, root: Path) -> None:
        for channel in (1, 2, 3, 4):
            write_tiff(root / _file(_FIRST, 1, 1, channel))
            write_tiff(root / _file(_FIRST, 1, 2, channel))
            write_tiff(root / _file(_SECOND, 5, 7, channel, 9))
            write_tiff(root / _file(_SECOND, 5, 8, channel))
        for channel in (1, 2, 3):  # the same plate measured again
            write_tiff(root / _file(_AGAIN, 1, 1, channel, 2))
        header = ["Plate", "Comment [Operetta Plate Name]", "Comment [Operetta Measurement]", "Well"]
        header += ["Characteristics [Cell Line]", "Characteristics [Cell Type]", "Experimental Condition [Compound]"]
        first, second = "20140424_HipSci + BJ 3000c/well_OC", "2015-02-19 HipSci Exp 23"
        stem_cell = "induced pluripotent stem cell"
        write_csv(
            root / "idr0037-screenA-annotation.csv",
            header,
            [
                ("experiment_01", first, "Measurement1", "A1", "A1ATD-iPSC patient 1", "", "fibronectin"),
                ("experiment_01", first, "Measurement1", "A2", "A1ATD-iPSC patient 1", "", "fibronectin"),
                ("experiment_01", first, "Measurement1", "A3", "A1ATD-iPSC patient 1", "", "fibronectin"),  # no file
                ("experiment_23", second, "Measurement1", "E7", "HPSI0813i-ffdm_3", stem_cell, ""),
                # of the other study: no file of the plate
                ("experiment_02", "HipSci Experiment 2", "Measurement1", "A1", "HPSI0813i-ffdm_3", stem_cell, ""),
            ],
            newline="\r\n",
        )
