from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_image

TOP = "BBBC014_v1_images"


class TestBbbc014(SourceTestCase):
    dir_name = "bbbc014"
    count = 8
    channel_orders = (("nfkb",), ("nucleus",))
    tokens = {
        "organism": {"human": 8},
        "cell_type": {"mcf7": 4, "a549": 4},
        "cell_visible": {"nfkb": 4, "nucleus": 4},
        "compound": {"tnf-alpha": 4},  # not in column 12
    }
    rows = {
        "Channel 1-01-A-01": {"cell_type": "mcf7", "cell_visible": "nfkb", "group": "A01", "compound": "tnf-alpha"},
        "Channel 2-48-D-12": {"cell_type": "mcf7", "cell_visible": "nucleus", "group": "D12", "control": "negative"},
        "Channel 1-49-E-01": {"cell_type": "a549", "group": "E01", "control": "positive", "well": "E01"},
    }
    groups = 4
    repeated = (("Channel 1-01-A-01", "Channel 2-01-A-01"),)
    batches = 1
    unknown_files = {f"{TOP}/Channel 3-01-A-01-00.Bmp": "files without a known name"}
    missing_files = {f"{TOP}/Channel 1-01-A-01-00.Bmp": None}
    real_count = 2
    real_rows = {
        "Channel 1-01-A-01": {"cell_type": "mcf7", "cell_visible": "nfkb"},
        "Channel 2-01-A-01": {"cell_type": "mcf7", "cell_visible": "nucleus", "organism": "human"},
    }

    def tree(self, root: Path) -> None:
        for well in ("01-A-01", "48-D-12", "49-E-01", "96-H-12"):
            for channel in "12":
                write_image(root / f"{TOP}/Channel {channel}-{well}-00.Bmp")
