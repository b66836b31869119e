from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_tiff

UUID = "[9AA4D9EA-18E4-4354-8C7D-0202029A8048]"
TOP = "BBBC012_v1_images"


class TestBbbc012(SourceTestCase):
    dir_name = "bbbc012"
    count = 6
    channel_orders = (("brightfield",), ("intestine",), ("pharynx",))
    tokens = {
        "organism": {"nematode": 6},
        "cell_visible": {"intestine": 2, "pharynx": 2},
        "phenotype": {"wildtype": 3, "infected": 3},
    }
    rows = {
        "wt_101210OranePlt1_C16_w1": {"microscopy": "brightfield", "cell_visible": None, "phenotype": "wildtype"},
        "pmk_101210OranePlt1_C16_w2": {"microscopy": "fluorescence", "cell_visible": "intestine"},
        "pmk_101210OranePlt1_C16_w3": {"phenotype": "infected", "group": "pmk_101210OranePlt1_C16", "well": "C16"},
    }
    groups = 2
    repeated = (tuple(f"wt_101210OranePlt1_C16_w{channel}" for channel in "123"),)
    batches = 1
    unknown_files = {f"{TOP}/WT_plate2/plan.tif": "files without a known name"}
    missing_files = {f"{TOP}/WT_plate2/101210OranePlt1_C16_w1_{UUID}.tif": None}
    real_count = 3
    real_rows = {  # these lie outside the two folders
        "101210OranePlt1_C16_w1": {"microscopy": "brightfield", "cell_visible": None, "phenotype": None},
        "101210OranePlt1_C16_w2": {"microscopy": "fluorescence", "cell_visible": "intestine"},
        "101210OranePlt1_C16_w3": {"microscopy": "fluorescence", "cell_visible": "pharynx", "organism": "nematode"},
    }

    def tree(self, root: Path) -> None:
        for folder in ("WT_plate2", "pmk_plate2"):
            for channel in "123":
                write_tiff(root / f"{TOP}/{folder}/101210OranePlt1_C16_w{channel}_{UUID}.tif")
