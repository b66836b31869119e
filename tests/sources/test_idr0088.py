from __future__ import annotations

from pathlib import Path

from tests.sources.files import write_csv, write_tiff
from tests.sources.idr_case import IdrTestCase

_ROOT = "20200722-awss3/ds_hcs_02/PhenoPrintScreen/raw_images_for_IDR"
_TUBULIN = "p170915PPS073/PpsL05HepG2TubARelA_PPS073_20170916_150825/110000251230"
_ACTIN = "p171224PPS139/PpsL05A549ActbRab5a_PPS139_20171225_200929/1013608248"


def _file(plate: str, well: str, channel: int = 1, field: int = 1) -> str:
    number = plate.rpartition("/")[2]
    return f"{_ROOT}/{plate}/{number}_{well}_T0001F{field:03d}L01A{channel:02d}Z01C{channel:02d}.tif"


class TestIdr0088(IdrTestCase):
    dir_name = "idr0088"
    count = 5
    channel_orders = (("nucleus", "microtubules", "rela"), ("nucleus", "actin", "rab5a"))
    tokens = {
        "organism": {"human": 5},
        "cell_type": {"hepg2": 2, "a549": 2},
        "cell_visible": {"nucleus": 5, "microtubules": 3, "rela": 3, "actin": 2, "rab5a": 2},
        "compound": {"achp (iv)": 2, "dmso": 1, "(-)-cinchonidine": 1},
        "phenotype": {"nfkb pathway inhibitor": 2, "ikb kinase inhibitor": 2},
    }
    rows = {
        "PpsL05HepG2TubARelA_PPS073_20170916_150825/110000251230_B02_F002": {
            "cell_type": "hepg2",
            "compound": "achp (iv)",
            "phenotype": "nfkb pathway inhibitor|ikb kinase inhibitor",
            "cell_visible": "nucleus|microtubules|rela",
            "microscopy": "confocal",
            "batch": "PPS073",
            "well": "B02",
            "group": "PpsL05HepG2TubARelA_PPS073_20170916_150825/110000251230_B02",
            "files": tuple(_file(_TUBULIN, "B02", channel, 2) for channel in (1, 2, 3)),
        },
        "PpsL05A549ActbRab5a_PPS139_20171225_200929/1013608248_L10_F001": {
            "compound": "(-)-cinchonidine",
            "phenotype": None,
            "cell_visible": "nucleus|actin|rab5a",
        },
        "PpsL05A549ActbRab5a_PPS139_20171225_200929/1013608248_B23_F001": {
            "compound": "dmso",
            "phenotype": None,
            "control": "negative",
        },
        # no row for the well; its plate's line is known by its markers
        "PpsL05HepG2TubARelA_PPS073_20170916_150825/110000251230_P24_F001": {
            "cell_type": None,
            "cell_visible": "nucleus|microtubules|rela",
        },
    }
    groups = 4
    repeated = (
        (
            "PpsL05HepG2TubARelA_PPS073_20170916_150825/110000251230_B02_F001",
            "PpsL05HepG2TubARelA_PPS073_20170916_150825/110000251230_B02_F002",
        ),
    )
    batches = 2
    notes = {"files without a row": 3, "rows without a file": 2}
    unknown_files = {
        f"{_ROOT}/{_ACTIN}/DC_sCMOS_B01.tif": "files without a known name",
        f"{_ROOT}/overview.tif": "files in no known plate folder",
    }
    missing_files = {_file(_ACTIN, "L10", 2): "images with channels missing"}
    joined = {
        _file(_ACTIN, "L10"): {"cell_type": "a549", "compound": "(-)-cinchonidine", "phenotype": None},
        _file(_ACTIN, "L07"): {"cell_type": "a549", "compound": "(-)-cinchonidine", "phenotype": None},
        _file("p171222PPS137/PpsL05A549ActbRab5a_PPS137_20171224_114819/1013608227", "C17"): {
            "compound": "achp",
            "phenotype": "nfkb pathway inhibitor|ikb kinase inhibitor",
            "cell_visible": "nucleus",
        },
        _file("p171228PPS142/PpsL05A549ActbRab5a_PPS142_20171229_052407/1013608293", "F19"): {
            "compound": "fiin 1 hydrochloride",
            "phenotype": "fgfr family inhibitor|vegfr family inhibitor",
        },
        _file("p171222PPS137/PpsL05A549ActbRab5a_PPS137_20171224_054946/1013608223", "B19"): {
            "compound": "tcs pim-1 4a",
            "phenotype": "pim1/2 inhibitor",
        },
        _file("p171122PPS115/PpsL05A549CanxCox4_PPS115_20171123_182952/110000252260", "G03", 2): {
            "compound": "zebularine",
            "phenotype": "dna methyltransferase inhibitor",
            "cell_visible": "er",
        },
        _file("p171125PPS118/PpsL05A549Tp53bp1Clta_PPS118_20171127_002431/110000252325", "E11", 3): {
            "compound": "pluripotin",
            "phenotype": "erk1/2 inhibitor",
            "cell_visible": "clta",
        },
        _file("p171024PPS091/PpsL05HepG2ActbRab5a_PPS091_20171025_181006/110000251814", "N15", 3): {
            "cell_type": "hepg2",
            "compound": "whi-p 154",
            "phenotype": "erbb family inhibitor|janus kinase family inhibitor|non-selective kinase inhibitor",
            "cell_visible": "rab5a",
        },
        _file("p171114PPS107/PpsL05Wpmy1ActbRab5a_PPS107_20171115_142713/110000252071", "B23", 2): {
            "cell_type": "wpmy-1",
            "compound": "dmso",
            "phenotype": None,
            "cell_visible": "actin",
        },
    }

    def tree(self, root: Path) -> None:
        for channel in (1, 2, 3):
            for well, field in (("B02", 1), ("B02", 2), ("P24", 1)):
                write_tiff(root / _file(_TUBULIN, well, channel, field))
            for well in ("L10", "B23"):
                write_tiff(root / _file(_ACTIN, well, channel))
        header = ["Plate", "Well", "Characteristics [Cell Line]", "Comment [Cell Line with Markers]", "Compound MoA"]
        header += ["Compound Name", "Control Type", "Plate Location"]
        mechanism = "NFkB pathway inhibitor|IkB kinase inhibitor"
        first, second = _TUBULIN.rpartition("/")[0], _ACTIN.rpartition("/")[0]
        write_csv(
            root / "idr0088-screenA-annotation.csv.zip",
            header,
            [
                ("110000251230", "B2", "HepG2", "HepG2-TUBA1B-RELA", mechanism, "ACHP (IV) ", "", first),
                ("110000251230", "B3", "HepG2", "HepG2-TUBA1B-RELA", mechanism, "ACHP (IV) ", "", first),  # no file
                ("1013608248", "L10", "A549", "A549-ACTB-RAB5A", "", "(-)-Cinchonidine", "", second),
                ("1013608248", "B23", "A549", "A549-ACTB-RAB5A", "", "DMSO", "Negative Control", second),
                # another run of a plate with the same number: no file
                ("1013608248", "L10", "A549", "A549-GM130-SQSTM1", "", "DMSO", "", f"{second}_again"),
            ],
        )
