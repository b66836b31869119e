from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_image

STEM = "ADSASS092408-GHAD2-D6-20x"
UUID = "D751105E-2D33-485F-9FF9-061C4CB2F27A"


class TestBbbc026(SourceTestCase):
    dir_name = "bbbc026"
    count = 4
    channel_orders = (("nucleus",),)
    tokens = {
        "organism": {"human": 4, "mouse": 4},
        "cell_type": {"hepatocyte": 4, "fibroblast": 4},
        "cell_visible": {"nucleus": 4},
    }
    rows = {
        f"{STEM}_A01_s1": {"organism": "human|mouse", "cell_type": "hepatocyte|fibroblast", "group": f"{STEM}_A01"},
        f"{STEM}_O23_s9": {"microscopy": "fluorescence", "group": f"{STEM}_O23", "well": "O23", "batch": STEM},
    }
    groups = 2
    repeated = ((f"{STEM}_A01_s1", f"{STEM}_A01_s9"),)
    batches = 1
    notes = {"masks and ground truth, left out": 1}
    unknown_files = {"BBBC026_v1_images/montage.png": "files without a known name"}
    missing_files = {f"BBBC026_v1_images/{STEM}_A01_s1_w1{UUID}.png": None}

    def tree(self, root: Path) -> None:
        for well in ("A01", "O23"):
            for site in (1, 9):
                write_image(root / f"BBBC026_v1_images/{STEM}_{well}_s{site}_w1{UUID}.png")
        write_image(root / f"BBBC026_GT_images/{STEM}_A01_s1_w1{UUID}.png")
