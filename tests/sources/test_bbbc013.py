from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_bytes, write_image

FOLDER = "BBBC013_v1_images_bmp"


class TestBbbc013(SourceTestCase):
    """A whole plate."""

    dir_name = "bbbc013"
    count = 192
    channel_orders = (("fkhr",), ("nucleus",))
    tokens = {
        "organism": {"human": 192},
        "cell_type": {"u2os": 192},
        "cell_visible": {"fkhr": 96, "nucleus": 96},
        # two channels: A-D 03-12 and the four corrected controls E-H 01; E-H 03-11
        "compound": {"wortmannin": 2 * (4 * 10 + 4), "ly294002": 2 * (4 * 9)},
    }
    rows = {
        "Channel1-01-A-01": {"compound": None, "cell_visible": "fkhr", "group": "A01", "control": "negative"},
        "Channel2-02-A-02": {"compound": None, "cell_visible": "nucleus", "group": "A02", "control": "negative"},
        "Channel2-12-A-12": {"compound": "wortmannin", "control": "positive"},
        "Channel1-49-E-01": {"compound": "wortmannin", "group": "E01", "well": "E01", "control": "positive"},
        "Channel1-51-E-03": {"compound": "ly294002", "control": None, "batch": "plate"},
        "Channel1-60-E-12": {"compound": None, "control": "negative"},
    }
    groups = 96
    repeated = (("Channel1-01-A-01", "Channel2-01-A-01"),)
    batches = 1
    notes = {"files without a known name": 1}
    unknown_files = {f"{FOLDER}/Channel3-01-A-01.BMP": "files without a known name"}
    missing_files = {f"{FOLDER}/Channel1-01-A-01.BMP": None}
    real_count = 12
    real_rows = {  # doses and controls: 1049_Metadata.csv
        "Channel1-01-A-01": {"compound": None, "group": "A01", "channels": ("fkhr",)},
        "Channel2-01-A-01": {"compound": None, "group": "A01", "channels": ("nucleus",)},
        "Channel1-06-A-06": {"compound": "wortmannin", "organism": "human", "cell_type": "u2os"},
        "Channel2-06-A-06": {"compound": "wortmannin", "cell_visible": "nucleus"},
        "Channel2-12-A-12": {"compound": "wortmannin"},
        "Channel1-49-E-01": {"compound": "wortmannin"},
        "Channel2-49-E-01": {"compound": "wortmannin"},
        "Channel1-54-E-06": {"compound": "ly294002"},
        "Channel2-54-E-06": {"compound": "ly294002", "microscopy": "fluorescence"},
        "Channel2-60-E-12": {"compound": None, "group": "E12"},
    }

    def tree(self, root: Path) -> None:
        wells = [(row, column) for row in "ABCDEFGH" for column in range(1, 13)]
        for number, (row, column) in enumerate(wells, start=1):
            for channel in "12":
                write_image(root / FOLDER / f"Channel{channel}-{number:02d}-{row}-{column:02d}.BMP", (2, 2))
        write_image(root / FOLDER / "overview.bmp", (2, 2))
        write_bytes(root / FOLDER / "Thumbs.db", b"\0")
