from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv
from tests.sources.named import rows_of
from tests.sources.sites import SIX, write_site

_HEADER = "site_id,well_id,cell_type,experiment,plate,well,site,treatment,treatment_conc"
_ROWS = """\
HUVEC-1_1_AA03_1,HUVEC-1_1_AA03,HUVEC,HUVEC-1,1,AA03,1,Sonic-Hedgehog,0.1
HUVEC-1_1_AA03_2,HUVEC-1_1_AA03,HUVEC,HUVEC-1,1,AA03,2,Sonic-Hedgehog,0.1
HUVEC-1_1_AA04_1,HUVEC-1_1_AA04,HUVEC,HUVEC-1,1,AA04,1,22_cGAMP,1e-06
HUVEC-2_12_Z47_4,HUVEC-2_12_Z47,HUVEC,HUVEC-2,12,Z47,4,EMPTY,
HUVEC-2_12_B02_1,HUVEC-2_12_B02,HUVEC,HUVEC-2,12,B02,1,COCO,0.01
"""


class TestRxrx2(SourceTestCase):
    dir_name = "rec_rxrx2"
    count = 4
    channel_orders = (SIX,)
    tokens = {
        "organism": {"human": 4},
        "cell_type": {"huvec": 4},
        "cell_visible": dict.fromkeys(SIX, 4),
        "compound": {"sonic-hedgehog": 2, "22_cgamp": 1},
    }
    rows = {
        "HUVEC-1_1_AA03_1": {"compound": "sonic-hedgehog", "group": "HUVEC-1_1_AA03", "phenotype": None, "sirna": None},
        "HUVEC-1_1_AA03_2": {"group": "HUVEC-1_1_AA03", "batch": "HUVEC-1", "well": "AA03"},
        "HUVEC-1_1_AA04_1": {"compound": "22_cgamp", "microscopy": "fluorescence"},
        "HUVEC-2_12_Z47_4": {"compound": None, "cell_type": "huvec", "channels": SIX},
    }
    groups = 3
    repeated = (("HUVEC-1_1_AA03_1", "HUVEC-1_1_AA03_2"),)
    batches = 2
    notes = {"rows without a file": 1}
    unknown_files = {"rxrx2/images/HUVEC-2/Plate12/C09_s1_w1.png": "files without a row"}
    missing_files = {"rxrx2/images/HUVEC-1/Plate1/AA04_s1_w2.png": "images with channels missing"}

    def tree(self, root: Path) -> None:
        images = root / "rxrx2" / "images"
        for site in ("HUVEC-1/Plate1/AA03_s1", "HUVEC-1/Plate1/AA03_s2", "HUVEC-1/Plate1/AA04_s1"):
            write_site(images, site)
        write_site(images, "HUVEC-2/Plate12/Z47_s4")
        write_csv(root / "rxrx2" / "metadata.csv", _HEADER.split(","), [line.split(",") for line in _ROWS.splitlines()])


@pytest.mark.real
def test_real_table(real_data: Path) -> None:
    """The six real rows, with the names of their files."""
    sites = [f"HUVEC-1/Plate1/AA03_s{site}" for site in (1, 2, 3, 4)] + [
        "HUVEC-1/Plate1/AA04_s1",
        "HUVEC-2/Plate12/Z47_s4",
    ]
    files = [f"rxrx2/images/{site}_w{channel}.png" for site in sites for channel in range(1, 7)]
    rows = rows_of(real_data / "rec_rxrx2", "rec_rxrx2", files)
    assert {key: row["compound"] for key, row in rows.items()} == {
        **{f"HUVEC-1_1_AA03_{site}": "sonic-hedgehog" for site in (1, 2, 3, 4)},
        "HUVEC-1_1_AA04_1": "gdf-1",
        "HUVEC-2_12_Z47_4": "proegf",
    }
    assert {row["channels"] for row in rows.values()} == {SIX}
