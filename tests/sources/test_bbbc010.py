from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_image, write_tiff

PREFIX = "1649_1109_0003_Amp5-1_B_20070424"
UUID = "9E84F49F-1B25-4E7E-8040-D1BB2D7E73EA"


class TestBbbc010(SourceTestCase):
    dir_name = "bbbc010"
    count = 6
    channel_orders = (("intestine",), ("brightfield",))
    tokens = {"organism": {"nematode": 6}, "cell_visible": {"intestine": 3}, "phenotype": {"wildtype": 4, "dead": 2}}
    rows = {
        f"{PREFIX}_A12_w1": {
            "microscopy": "fluorescence",
            "phenotype": "wildtype",
            "group": f"{PREFIX}_A12",
            "well": "A12",
        },
        f"{PREFIX}_A12_w2": {"microscopy": "brightfield", "cell_visible": None, "compound": None},
        f"{PREFIX}_B13_w2": {
            "microscopy": "brightfield",
            "phenotype": "dead",
            "group": f"{PREFIX}_B13",
            "batch": PREFIX,
        },
    }
    groups = 3
    repeated = ((f"{PREFIX}_A12_w1", f"{PREFIX}_A12_w2"),)
    batches = 1
    notes = {"masks and ground truth, left out": 1}
    unknown_files = {"scan.tif": "files without a known name"}
    missing_files = {f"{PREFIX}_A12_w1_{UUID}.tif": None}
    real_count = 4
    real_rows = {
        f"{PREFIX}_A01_w1": {"microscopy": "fluorescence", "phenotype": "wildtype"},
        f"{PREFIX}_A01_w2": {"microscopy": "brightfield", "phenotype": "wildtype"},
        f"{PREFIX}_A13_w1": {"microscopy": "fluorescence", "phenotype": "dead"},
        f"{PREFIX}_A13_w2": {"microscopy": "brightfield", "phenotype": "dead"},
    }

    def tree(self, root: Path) -> None:
        for well in ("A01", "A12", "B13"):
            for channel in "12":
                write_tiff(root / f"{PREFIX}_{well}_w{channel}_{UUID}.tif")
        write_image(root / "BBBC010_v1_foreground/A01_binary.png")
        write_tiff(root / f"BBBC010_v1_foreground/{PREFIX}_A01_w1_{UUID}.tif")
