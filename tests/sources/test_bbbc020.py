from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_tiff

TOP = "BBBC020_v1_images"


class TestBbbc020(SourceTestCase):
    dir_name = "bbbc020"
    count = 6
    channel_orders = (("cell surface",), ("nucleus",))
    tokens = {
        "organism": {"mouse": 6},
        "cell_type": {"macrophage": 6},
        "cell_visible": {"cell surface": 3, "nucleus": 3},
    }
    rows = {
        "jw-1h 1_c1": {"cell_visible": "cell surface", "group": "jw-1h", "files": (f"{TOP}/jw-1h 1/jw-1h 1_c1.TIF",)},
        "jw-Kontrolle1_c5": {"cell_visible": "nucleus", "group": "jw-Kontrolle", "phenotype": None},
    }
    groups = 2
    repeated = (("jw-1h 1_c1", "jw-1h 1_c5", "jw-1h 12_c1"),)
    batches = 0
    notes = {"overlays of both stains, left out": 3, "masks and ground truth, left out": 1}
    unknown_files = {f"{TOP}/jw-1h 1/jw-1h 1_c2.TIF": "files without a known name"}
    missing_files = {f"{TOP}/jw-1h 1/jw-1h 1_c1.TIF": None}

    def tree(self, root: Path) -> None:
        for field in ("jw-1h 1", "jw-1h 12", "jw-Kontrolle1"):
            for stain in ("c1", "c5", "(c1+c5)"):
                write_tiff(root / f"{TOP}/{field}/{field}_{stain}.TIF", (8, 9, 3), "uint8")
        write_tiff(root / "BBC020_v1_outlines_nuclei/jw-1h 1_c5_43.TIF", dtype="uint8")
