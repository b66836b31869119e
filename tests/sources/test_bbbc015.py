from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_image

TOP = "BBBC015_v1_images"


class TestBbbc015(SourceTestCase):
    dir_name = "bbbc015"
    count = 8
    channel_orders = (("nucleus + cell membrane",),)
    tokens = {
        "organism": {"human": 8},
        "cell_type": {"u2os": 8},
        "cell_visible": {"nucleus": 8, "cell membrane": 8},
        "compound": {"isoproterenol": 8},
    }
    rows = {
        "49_1_0": {"cell_visible": "nucleus|cell membrane", "group": "49", "files": (f"{TOP}/49_1_0.JPG",)},
        "84_4_1": {"compound": "isoproterenol", "group": "84", "microscopy": "fluorescence"},
    }
    unknown_files = {f"{TOP}/Transf_iCyte_negative.jpg": "files without a known name"}
    missing_files = {f"{TOP}/49_1_0.JPG": None}

    def tree(self, root: Path) -> None:
        for well in (49, 84):
            for field in (1, 4):
                for channel in (0, 1):
                    write_image(root / f"{TOP}/{well}_{field}_{channel}.JPG", (8, 9, 3))
