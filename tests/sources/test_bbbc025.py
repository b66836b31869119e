from __future__ import annotations

from pathlib import Path

from tests.sources.case import SourceTestCase
from tests.sources.files import write_tiff

CHANNELS = {"Hoechst": 1, "ERSyto": 2, "ERSytoBleed": 3, "PhGolgi": 4, "Mito": 5}


def path(plate: int, channel: str, field: str) -> str:
    digit = CHANNELS[channel]
    return f"{plate}_{channel}/cellpaintingfollowup-reimage_{field}_w{digit}0c9e4dbf-6aa9-4dd0-a084-90a3d3c95c4e.tif"


class TestBbbc025(SourceTestCase):
    dir_name = "bbbc025"
    bare = False  # the folder names plate and channel
    count = 15
    channel_orders = (
        ("nucleus",),
        ("er",),
        ("nucleoli + cytoplasmic rna",),
        ("actin + golgi + cell membrane",),
        ("mitochondria",),
    )
    tokens = {
        "organism": {"human": 15},
        "cell_type": {"u2os": 15},
        "cell_visible": dict.fromkeys(
            ("nucleus", "er", "nucleoli", "cytoplasmic rna", "actin", "golgi", "cell membrane", "mitochondria"), 3
        ),
    }
    rows = {
        "37983_F08_s8_mito": {"cell_visible": "mitochondria", "group": "37983_F08", "well": "F08", "gene": None},
        "38034_A01_s1_ersytobleed": {"cell_visible": "nucleoli|cytoplasmic rna", "microscopy": "fluorescence"},
        "38034_A01_s1_ersyto": {"cell_visible": "er", "sirna": None},
    }
    groups = 2
    repeated = (("37983_F08_s8_mito", "37983_F08_s9_mito", "37983_F08_s8_hoechst"),)
    batches = 2
    unknown_files = {path(37983, "Mito", "f09_s1").partition("/")[2]: "files without a known name"}
    missing_files = {path(37983, "Mito", "f08_s8"): None}

    def tree(self, root: Path) -> None:
        for channel in CHANNELS:
            write_tiff(root / path(37983, channel, "f08_s8"))
            write_tiff(root / path(37983, channel, "f08_s9"))
            write_tiff(root / path(38034, channel, "a01_s1"))
