from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_tiff

TOP = "Stained_Montages"
WHOLE = (0, 825, 0, 715)  # x_min, x_max, y_min, y_max: 15 cells across, 13 down, 55 pixels each


class TestBbbc045(SourceTestCase):
    """The order of the levels is made up.

    No public text says it.
    """

    dir_name = "bbbc045"
    count = 4
    channel_orders = (("brightfield",), ("darkfield",), ("cell body",))
    tokens = {"organism": {"human": 4}, "cell_type": {"white blood cell": 4}}
    rows = {
        "2014_subject1/Neutrophil/Brightfield/Neutrophil_1": {
            "microscopy": "brightfield",
            "group": "2014_subject1",
            "region": WHOLE,
            "cell_type": "white blood cell",
        },
        "2015_subject2/B-cell/Ch5/B-cell_1": {"microscopy": "brightfield", "group": "2015_subject2"},
        "2015_subject2/B-cell/Darkfield/B-cell_1": {"microscopy": "darkfield", "channels": ("darkfield",)},
        "2015_subject2/B-cell/Ch3/B-cell_1": {"microscopy": None, "channels": ("cell body",)},
    }
    groups = 2
    repeated = (("2015_subject2/B-cell/Ch5/B-cell_1", "2015_subject2/B-cell/Darkfield/B-cell_1"),)
    batches = 0
    notes = {"montages whose channel is not known, without microscopy": 1}
    unknown_files = {f"{TOP}/readme.tif": "files without a known name"}
    missing_files = {f"{TOP}/2015_subject2/B-cell/Ch5/B-cell_1.tif": None}

    def tree(self, root: Path) -> None:
        for key in self.rows:
            write_tiff(root / f"{TOP}/{key}.tif", dtype="uint8")
