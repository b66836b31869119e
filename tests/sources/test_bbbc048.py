from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image

CELLS = (("G1", "1006"), ("G1", "1010"), ("S", "12"), ("Telophase ", "9"))


class TestBbbc048(SourceTestCase):
    dir_name = "bbbc048"
    count = 12
    channel_orders = (("brightfield",), ("nucleus",), ("darkfield",))
    tokens = {
        "organism": {"human": 12},
        "cell_type": {"jurkat": 12},
        "cell_visible": {"nucleus": 4},
        "phenotype": {"g1": 6, "s phase": 3, "telophase": 3},
    }
    rows = {
        "g1_1006_Ch3": {"microscopy": "brightfield", "cell_visible": None, "group": "g1_1006"},
        "g1_1006_Ch4": {"microscopy": "fluorescence", "cell_visible": "nucleus", "group": "g1_1006"},
        "s_12_Ch6": {"microscopy": "darkfield", "phenotype": "s phase"},
        "telophase_9_Ch4": {"phenotype": "telophase"},
    }
    groups = 4
    repeated = (("g1_1006_Ch3", "g1_1006_Ch4", "g1_1006_Ch6"),)
    batches = 0
    single_objects = 12
    unknown_files = {"CellCycle/G1/1006_merged.jpg": "files without a known name"}
    missing_files = {"CellCycle/G1/1006_Ch3.ome.jpg": None}

    def tree(self, root: Path) -> None:
        paths = [f"{phase}/{cell}_Ch{channel}.ome.jpg" for phase, cell in CELLS for channel in "346"]
        for path in paths:
            write_image(root / "CellCycle" / path)
        table = [(number, 4, f"./{path}") for number, path in enumerate(paths)]
        write_csv(root / "Ground_truth.lst", (), table, delimiter="\t")
