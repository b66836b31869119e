from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_tiff


class TestBbbc005(SourceTestCase):
    dir_name = "bbbc005"
    count = 8
    channel_orders = (("cell body",), ("nucleus",))
    tokens = {"organism": {"human": 8}, "cell_type": {"u2os": 8}, "cell_visible": {"cell body": 4, "nucleus": 4}}
    rows = {
        "BBBC005_v1_images/SIMCEPImages_A14_C57_F1_s21_w1.TIF": {
            "cell_visible": "cell body",
            "group": "column 14 sample 21",
            "well": "A14",
            "batch": None,
            "z": None,
        },
        "BBBC005_v1_images/SIMCEPImages_P24_C100_F48_s25_w2.TIF": {
            "cell_visible": "nucleus",
            "microscopy": "fluorescence",
        },
    }
    groups = 3
    repeated = (
        ("A14_C57_F1_s21_w1", "A14_C57_F1_s21_w2"),  # both stains
        ("A14_C57_F1_s21_w1", "H14_C57_F23_s21_w1"),  # another blur
    )
    batches = 0
    notes = {"masks and ground truth, left out": 2}
    unknown_files = {"BBBC005_v1_images/overview.tif": "files without a known name"}
    missing_files = {"BBBC005_v1_images/SIMCEPImages_A14_C57_F1_s21_w1.TIF": None}
    real_count = 6
    real_rows = {
        "BBBC005_v1_images/SIMCEPImages_A24_C100_F1_s01_w1.TIF": {"cell_visible": "cell body", "cell_type": "u2os"},
        "BBBC005_v1_images/SIMCEPImages_P07_C27_F48_s01_w2.TIF": {"cell_visible": "nucleus", "organism": "human"},
    }

    def tree(self, root: Path) -> None:
        for field in ("A14_C57_F1_s21", "H14_C57_F23_s21", "A14_C57_F1_s22", "P24_C100_F48_s25"):
            for stain in "12":
                write_tiff(root / f"BBBC005_v1_images/SIMCEPImages_{field}_w{stain}.TIF", dtype="uint8")
        for folder in ("BBBC005_v1_ground_truth", "synthetic_2_ground_truth"):
            write_tiff(root / folder / "SIMCEPImages_A14_C57_F1_s21_w1.TIF", dtype="uint8")
