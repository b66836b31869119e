from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_image


class TestBbbc011(SourceTestCase):
    dir_name = "bbbc011"
    count = 8
    channel_orders = (("brightfield",),)
    tokens = {"organism": {"nematode": 8}, "phenotype": {"wildtype": 4, "fat": 4}}
    rows = {
        "l4440_rep1/H10s": {"phenotype": "wildtype", "group": "l4440_rep1/H10", "well": "H10"},
        "daf-2_rep1/H10s": {"phenotype": "fat", "group": "daf-2_rep1/H10", "gene": None},
        "daf-2_rep1/fat_orig": {"group": "daf-2_rep1", "well": None, "microscopy": "brightfield"},
    }
    groups = 6
    repeated = (("l4440_rep1/H10s", "l4440_rep1/H10t"),)
    batches = 0
    unknown_files = {"BBBC011_v1_images/other/H10s.png": "files without a known name"}
    missing_files = {"BBBC011_v1_images/L4440_rep1/H10s.png": None}
    real_count = 2
    real_rows = {
        "BBBC011_v1_images/L4440_rep1/WT_orig.png": {"phenotype": "wildtype", "microscopy": "brightfield"},
        "BBBC011_v1_images/daf-2_rep1/fat_orig.png": {"phenotype": "fat", "organism": "nematode"},
    }

    def tree(self, root: Path) -> None:
        for folder in ("L4440_rep1", "daf-2_rep1"):
            for name in ("H10s", "H10t", "A01s", "fat_orig"):
                write_image(root / f"BBBC011_v1_images/{folder}/{name}.png", (8, 9, 3))
