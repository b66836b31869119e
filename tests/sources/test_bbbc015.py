from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_image

TOP = "BBBC015_v1_images"


class TestBbbc015(SourceTestCase):
    dir_name = "bbbc015"
    count = 8
    channel_orders = (("unknown stain",),)
    tokens = {
        "organism": {"human": 8},
        "cell_type": {"u2os": 8},
        "compound": {"isoproterenol": 8},
    }
    rows = {
        "49_1_0": {"cell_visible": None, "group": "49", "well": "E01", "files": (f"{TOP}/49_1_0.JPG",)},
        "84_4_1": {"compound": "isoproterenol", "group": "84", "well": "G12", "microscopy": "fluorescence"},
    }
    groups = 2
    repeated = (("49_1_0", "49_1_1", "49_4_0"),)
    batches = 1
    unknown_files = {f"{TOP}/Transf_iCyte_negative.jpg": "files without a known name"}
    missing_files = {f"{TOP}/49_1_0.JPG": None}

    def tree(self, root: Path) -> None:
        for well in (49, 84):
            for field in (1, 4):
                for channel in (0, 1):
                    write_image(root / f"{TOP}/{well}_{field}_{channel}.JPG", (8, 9, 3))
